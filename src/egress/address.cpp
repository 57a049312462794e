#include "egress/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace sbx {
namespace {

constexpr std::array<std::uint8_t, 12> v4_head = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Prefix {
  const char* text;
  unsigned bits;
};
// The special-purpose registries of IPv4 and IPv6 (RFC 6890 and what came after), but for the documentation networks,
// which lead nowhere and serve tests.
constexpr Prefix inner_networks[] = {
    {"0.0.0.0", 96 + 8},     {"10.0.0.0", 96 + 8},     {"100.64.0.0", 96 + 10}, {"127.0.0.0", 96 + 8},
    {"169.254.0.0", 96 + 16}, {"172.16.0.0", 96 + 12}, {"192.0.0.0", 96 + 24},  {"192.168.0.0", 96 + 16},
    {"224.0.0.0", 96 + 4},   {"240.0.0.0", 96 + 4},
    {"::", 96},  // unspecified, loopback, and the deprecated IPv4-compatible form
    {"64:ff9b:1::", 48}, {"100::", 64}, {"fc00::", 7}, {"fe80::", 10}, {"fec0::", 10}, {"ff00::", 8},
};

}  // namespace

bool IpAddress::is_v4() const { return std::equal(v4_head.begin(), v4_head.end(), bytes.begin()); }

IpAddress address_v4(const std::uint8_t* four) {
  IpAddress out;
  std::copy(v4_head.begin(), v4_head.end(), out.bytes.begin());
  std::copy(four, four + 4, out.bytes.begin() + 12);
  return out;
}

IpAddress address_v6(const std::uint8_t* sixteen) {
  IpAddress out;
  std::copy(sixteen, sixteen + 16, out.bytes.begin());
  return out;
}

std::optional<IpAddress> parse_address(std::string_view text) {
  const std::string terminated(text);
  std::uint8_t bytes[16];
  if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
  if (::inet_pton(AF_INET, terminated.c_str(), bytes) == 1) return address_v4(bytes);
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes) == 1) return address_v6(bytes);
  return std::nullopt;
}

std::string format_address(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = address.is_v4();
  return ::inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes.data() + (v4 ? 12 : 0), text, sizeof text);
}

std::string format_endpoint(const IpAddress& address, std::uint16_t port) {
  return address.is_v4() ? cat(format_address(address), ":", port) : cat("[", format_address(address), "]:", port);
}

bool in_prefix(const IpAddress& address, const IpAddress& network, unsigned bits) {
  for (unsigned at = 0; at < 16 && bits > 0; ++at) {
    const unsigned here = std::min(bits, 8U);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> here);
    if (((address.bytes[at] ^ network.bytes[at]) & mask) != 0) return false;
    bits -= here;
  }
  return true;
}

bool is_inner_address(const IpAddress& address) {
  for (const Prefix& prefix : inner_networks)
    if (in_prefix(address, *parse_address(prefix.text), prefix.bits)) return true;
  // NAT64 (RFC 6052) and 6to4 (RFC 3056) lead to the IPv4 address within.
  if (in_prefix(address, *parse_address("64:ff9b::"), 96)) return is_inner_address(address_v4(&address.bytes[12]));
  if (in_prefix(address, *parse_address("2002::"), 16)) return is_inner_address(address_v4(&address.bytes[2]));
  return false;
}

}  // namespace sbx
