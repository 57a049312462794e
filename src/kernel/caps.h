// Capabilities (capabilities(7)); caps.cpp is the only user of libcap.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sbx {
// "CAP_NET_ADMIN", "net_admin": the bit's number.
std::optional<int> capability_number(std::string_view name);
std::string capability_name(int number);
// Cuts every set down to `kept` (bit n: capability n): ambient and inheritable hold `kept` as well where it is not
// empty, so that it survives exec of a non-root payload; the bounding set first. -errno on failure; *capability the
// number at fault. Async-signal-safe raw calls: called after clone.
int limit_capabilities(std::uint64_t kept, int* capability);
}  // namespace sbx
