// The syntaxes of property values. Each returns nothing where the text isn't of its syntax. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "systemd/unit_property.h"

namespace sbx {

std::vector<std::string> words(std::string_view text);
std::optional<bool> parse_boolean(std::string_view text);
// "12.34%" as 1234.
std::optional<std::uint64_t> parse_permyriad(std::string_view text);
// A share of the whole as the bus takes it in ...Scale properties: UINT32_MAX is 100%.
std::optional<std::uint32_t> parse_scale(std::string_view text);
// Bytes in powers of 1000 ("10M" is 10,000,000), as bandwidths are given; "infinity" is UINT64_MAX.
std::optional<std::uint64_t> parse_bandwidth(std::string_view text);
// "0-3 5,7" as a bit mask, lowest byte first.
std::optional<std::vector<std::uint8_t>> parse_index_set(std::string_view text);
// "SIGTERM", "TERM" or a number.
std::optional<std::int32_t> parse_signal(std::string_view text);
// "10.0.0.0/8 ::1 any localhost link-local multicast".
std::optional<std::vector<AddressPrefix>> parse_addresses(std::string_view text);
// "any", "8080", "ipv4:tcp:1024-2048", several separated by spaces.
std::optional<std::vector<PortRule>> parse_ports(std::string_view text);
// "cgroup:inet:filter:my_set", several separated by spaces.
std::optional<std::vector<NftSet>> parse_nft_sets(std::string_view text);

}  // namespace sbx
