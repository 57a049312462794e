// What the launcher and the network helper say to each other: the helper's descriptors, and lines of JSON.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sbx {

// The helper's descriptors, in this order.
enum HelperDescriptor : int {
  helper_channel = 3,    // to the launcher; its end is the launcher's
  helper_request = 4,    // a file: HelperRequest
  helper_user_namespace = 5,
  helper_network_namespace = 6,
  helper_control = 7,    // a listening socket for `sbx net`, or anything else where there is none
  helper_last = helper_control,
};

struct HelperRequest {
  std::vector<std::string> allow, deny;  // rules
  bool learn = false;
  bool operator==(const HelperRequest&) const = default;
};
std::string format_helper_request(const HelperRequest& request);
std::optional<HelperRequest> parse_helper_request(std::string_view text);

// The helper's first line: that it is ready, or why it isn't.
std::string format_helper_answer(const Result<>& ready);
Result<> parse_helper_answer(std::string_view line);

}  // namespace sbx
