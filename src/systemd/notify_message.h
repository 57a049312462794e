// Messages of sd_notify(3) as a payload writes them, and what of them a service manager may hear. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sbx {

struct Notification {
  std::vector<std::string> lines;  // known fields with a fit value, in the payload's order; MAINPID isn't among them
  std::uint64_t main_pid = 0;      // as the payload names it; 0: it doesn't
  bool barrier = false;            // one descriptor, which the manager closes when it has seen all that came before
  bool stores = false;             // its descriptors are for the manager's store
  bool operator==(const Notification&) const = default;
};

// Longer ones the manager wouldn't read either (its buffer is PIPE_BUF).
inline constexpr std::size_t longest_notification = 4096;

// The message is refused as a whole where a known field has a value that it can't have; what isn't known is left out.
// `descriptors`: how many came along.
Result<Notification> read_notification(std::string_view text, std::size_t descriptors);
// As it goes to the manager. `main_pid` stands for whatever process the payload named.
std::string notification_text(const Notification& notification, std::uint64_t main_pid);

}  // namespace sbx
