// The addresses of a private network: the same in each, so that nothing inside tells of the host's own. pasta is told
// them; they are slirp4netns' own.
#pragma once

namespace sbx {

inline constexpr const char* private_device = "net0";
inline constexpr const char* private_ipv4 = "10.0.2.100";
inline constexpr const char* private_gateway_ipv4 = "10.0.2.2";
inline constexpr const char* private_resolver_ipv4 = "10.0.2.3";
inline constexpr const char* private_ipv6 = "fd00::100";
inline constexpr const char* private_gateway_ipv6 = "fd00::2";
inline constexpr const char* private_resolver_ipv6 = "fd00::3";

}  // namespace sbx
