// The names of capabilities(7), as far as a profile may write them. Numbers and the kernel's own limit are kernel/caps.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sbx {
extern const std::vector<std::string_view> capability_names;  // "CAP_CHOWN", in the kernel's order
// "net_admin", "CAP_NET_ADMIN": "CAP_NET_ADMIN"; empty where there is no such capability.
std::string canonical_capability(std::string_view name);
}  // namespace sbx
