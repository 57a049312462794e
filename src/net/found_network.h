// What is found of a sandbox's network, read from the kernel.
#pragma once
#include <string>

#include "base/result.h"
#include "spec/sandbox_spec.h"

namespace sbx {

struct FoundNetwork {
  std::string text;  // "lo 127.0.0.1/8 ::1/128, net0 10.0.2.100/24"
  int devices = 0;   // that are up
};
// By a NETLINK_ROUTE socket that was made in that network (rtnetlink(7)).
Result<FoundNetwork> found_network(int netlink);

// Whether the host's port is taken.
bool is_bound(const PublishSpec& publish);

}  // namespace sbx
