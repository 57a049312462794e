// The first bytes that a client sends: which protocol they are, and the host name they are for.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace sbx {

// The whole of what is looked at: a client that hasn't come to the point by then is refused.
inline constexpr std::size_t most_sniffed = 16384;

struct Sniffed {
  enum class Kind : std::uint8_t {
    more,      // not decided: more bytes are needed
    tls,       // a ClientHello
    http,      // the head of an HTTP/1 request
    http2,     // HTTP/2 without TLS: its names are compressed beyond this look
    opaque,    // neither
    malformed, // begins as one of them and isn't
  } kind = Kind::more;
  std::string name;       // normalized; empty: none was given
  std::size_t head = 0;   // http: the size of the head
};
Sniffed sniff(std::span<const std::uint8_t> bytes);

}  // namespace sbx
