// The text of the network's part: modes, addresses, published ports.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "spec/sandbox_spec.h"

namespace sbx {

std::string_view network_mode_name(NetworkMode mode);
// Every connection is held against rules.
inline bool has_filter(NetworkMode mode) { return mode == NetworkMode::filtered || mode == NetworkMode::learn; }

enum class AddressFamily : std::uint8_t { none, ipv4, ipv6 };
// What kind of numeric address it is; none where it is a name or nothing at all.
AddressFamily address_family(std::string_view text);

// "127.0.0.1:8080:80", "[::1]:8080:80/udp", "8080:80" (on 127.0.0.1). The origin is left empty.
std::optional<PublishSpec> parse_publish(std::string_view text);
std::string publish_text(const PublishSpec& publish);  // in the first form

}  // namespace sbx
