// IP addresses as values: IPv4 is kept as its IPv4-mapped IPv6 form, so that one comparison serves both.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sbx {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // network order
  bool is_v4() const;
  auto operator<=>(const IpAddress&) const = default;
};

IpAddress address_v4(const std::uint8_t* four);
// ::ffff:a.b.c.d is the IPv4 address that it stands for.
IpAddress address_v6(const std::uint8_t* sixteen);
// Dotted decimal or IPv6 text without brackets and without a zone.
std::optional<IpAddress> parse_address(std::string_view text);
std::string format_address(const IpAddress& address);
// "192.0.2.1:443", "[2001:db8::1]:443"
std::string format_endpoint(const IpAddress& address, std::uint16_t port);

// `bits` of the 128: an IPv4 prefix of 24 is 96 + 24.
bool in_prefix(const IpAddress& address, const IpAddress& network, unsigned bits);

// Of no use to a name of the public network, and a way into this host or its own network where a name server lies
// (DNS rebinding): loopback, private, link-local with the metadata services, shared, unspecified, multicast, reserved,
// and the transition forms that carry an IPv4 address.
bool is_inner_address(const IpAddress& address);

}  // namespace sbx
