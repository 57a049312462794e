// What a program asks of a proxy that it was told to use: SOCKS5 (RFC 1928), HTTP CONNECT, or a request in absolute form.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "egress/address.h"

namespace sbx {

struct ProxyRequest {
  enum class Kind : std::uint8_t {
    more,
    bad,
    socks_greeting,  // to be answered; the request follows
    socks,           // a connection
    connect,         // a connection
    forward,         // `head` goes to the host in place of what was consumed
  } kind = Kind::more;
  std::size_t consumed = 0;
  std::string name;                  // normalized; or
  std::optional<IpAddress> address;  // where it was given as one
  std::uint16_t port = 0;
  std::string head = {};
};
// `greeted`: a SOCKS greeting was answered.
ProxyRequest read_proxy_request(std::span<const std::uint8_t> bytes, bool greeted);

inline constexpr std::string_view socks_greeting_answer{"\5\0", 2};
// The kind's own words for: it stands, it is refused, it can't be reached.
enum class ProxyOutcome : std::uint8_t { connected, refused, unreachable };
std::string proxy_answer(ProxyRequest::Kind kind, ProxyOutcome outcome);

}  // namespace sbx
