#include "egress/sniff.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "egress/rules.h"

namespace sbx {
namespace {

using Kind = Sniffed::Kind;
using Bytes = std::span<const std::uint8_t>;

// Reads numbers and lengths; past the end everything is empty, and `good` false.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}
  std::size_t number(std::size_t size) {
    std::size_t out = 0;
    for (const std::uint8_t byte : take(size)) out = out << 8U | byte;
    return out;
  }
  Bytes take(std::size_t size) {
    if (size > rest_.size()) good_ = false, size = 0, rest_ = {};
    const Bytes out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }
  // A vector of TLS (RFC 8446, 3.4) whose length takes `size` bytes.
  Bytes vector(std::size_t size) { return take(number(size)); }
  bool good() const { return good_; }
  bool empty() const { return rest_.empty(); }

 private:
  Bytes rest_;
  bool good_ = true;
};

// The server_name extension (RFC 6066, 3): one host name. Empty: none, or not one alone.
std::string name_of_extension(Bytes extension) {
  Reader body(extension);
  Reader list(body.vector(2));
  std::string out;
  int names = 0;
  while (list.good() && !list.empty()) {
    const std::size_t type = list.number(1);
    const Bytes name = list.vector(2);
    if (type == 0) out.assign(name.begin(), name.end()), ++names;
  }
  return list.good() && body.good() && body.empty() && names == 1 ? normalize_name(out) : std::string();
}

Sniffed read_hello(Bytes hello) {
  Reader reader(hello);
  reader.take(2 + 32);  // version, random
  reader.vector(1);     // session
  reader.vector(2);     // cipher suites
  reader.vector(1);     // compression
  Sniffed out{reader.good() ? Kind::tls : Kind::malformed, {}, 0};
  if (!reader.good() || reader.empty()) return out;
  Reader extensions(reader.vector(2));
  int names = 0;
  while (extensions.good() && !extensions.empty()) {
    const std::size_t type = extensions.number(2);
    const Bytes body = extensions.vector(2);
    if (type == 0) out.name = name_of_extension(body), ++names;
  }
  // A second extension of a type is forbidden (RFC 8446, 4.2), and servers differ in which one they take.
  if (!reader.good() || !extensions.good() || !reader.empty() || names > 1) return {Kind::malformed, {}, 0};
  return out;
}

// The handshake's first message, which may come in several records of whatever sizes (RFC 8446, 5.1).
Sniffed read_tls(Bytes bytes) {
  std::vector<std::uint8_t> handshake;
  while (!bytes.empty()) {
    if (bytes[0] != 22) return {Kind::malformed, {}, 0};  // not a handshake record
    if (bytes.size() > 1 && bytes[1] != 3) return handshake.empty() ? Sniffed{Kind::opaque, {}, 0} : Sniffed{Kind::malformed, {}, 0};
    if (bytes.size() < 5) return {};
    const std::size_t size = static_cast<std::size_t>(bytes[3]) << 8U | bytes[4];
    if (size == 0 || size > 16384) return {Kind::malformed, {}, 0};
    const auto body = bytes.subspan(5, std::min(size, bytes.size() - 5));
    handshake.insert(handshake.end(), body.begin(), body.end());
    if (!handshake.empty() && handshake[0] != 1) return {Kind::malformed, {}, 0};  // not a ClientHello
    if (handshake.size() >= 4) {
      const std::size_t length = static_cast<std::size_t>(handshake[1]) << 16U | static_cast<std::size_t>(handshake[2]) << 8U | handshake[3];
      if (length > most_sniffed) return {Kind::malformed, {}, 0};
      if (handshake.size() >= 4 + length) return read_hello(Bytes(handshake).subspan(4, length));
    }
    if (body.size() < size) return {};
    bytes = bytes.subspan(5 + size);
  }
  return {};
}

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// "host:port" without its port.
std::string host_part(std::string_view authority) {
  const auto colon = authority.rfind(':');
  if (colon != authority.npos && parse_number(authority.substr(colon + 1)).value_or(65536) <= 65535) authority = authority.substr(0, colon);
  return normalize_name(authority);
}

// The request line's target in its absolute form outranks Host (RFC 9112, 3.2.2): both have to be the same then.
std::optional<std::string> host_of_target(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == target.npos || target.find_first_of("/?#") < scheme) return std::nullopt;
  const auto rest = target.substr(scheme + 3);
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  return authority.find('@') == authority.npos ? host_part(authority) : std::string();
}

Sniffed read_head(std::string_view text, std::size_t skipped) {
  Sniffed out{Kind::http, {}, 0};
  std::string name;
  int hosts = 0;
  bool request_line = true;
  std::optional<std::string> target_host;
  for (std::size_t at = 0;;) {
    const auto end = text.find('\n', at);
    if (end == text.npos) return {};
    auto line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    // What servers read differently from each other isn't passed on to any: a bare CR, a NUL, a folded line.
    if (line.find('\r') != line.npos || line.find('\0') != line.npos) return {Kind::malformed, {}, 0};
    if (request_line) {
      const auto first = line.find(' '), last = line.rfind(' ');
      if (first == last) return {Kind::malformed, {}, 0};
      target_host = host_of_target(trim(line.substr(first, last - first)));
      request_line = false;
      continue;
    }
    if (line.empty()) {
      out.head = skipped + at;
      break;
    }
    const auto colon = line.find(':');
    if (colon == line.npos || colon == 0 || !std::ranges::all_of(line.substr(0, colon), is_token_character)) return {Kind::malformed, {}, 0};
    if (lower(line.substr(0, colon)) == "host") name = host_part(trim(line.substr(colon + 1))), ++hosts;
  }
  if (hosts > 1 || (target_host && *target_host != name)) return {Kind::malformed, {}, 0};
  out.name = name;
  return out;
}

// A request line ends in its protocol's version. Anything else isn't HTTP/1.
Sniffed read_http(std::string_view text) {
  // Servers skip empty lines before a request (RFC 9112, 2.2).
  const auto begin = std::min(text.find_first_not_of("\r\n"), text.size());
  const auto request = text.substr(begin);
  const auto method_end = std::ranges::find_if_not(request, is_token_character) - request.begin();
  const auto method = request.substr(0, static_cast<std::size_t>(method_end));
  if (method.size() == request.size()) return method.size() <= 32 ? Sniffed{} : Sniffed{Kind::opaque, {}, 0};
  if (method.empty() || method.size() > 32 || (request[method.size()] != ' ' && request[method.size()] != '\t')) return {Kind::opaque, {}, 0};
  const auto end = request.find('\n');
  if (end == request.npos) return {};
  auto line = request.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  line = trim(line);
  const auto version = lower(line.substr(line.find_last_of(" \t") + 1));
  if (version.starts_with("http/2") && method == "PRI") return {Kind::http2, {}, 0};
  if (!version.starts_with("http/")) return {Kind::opaque, {}, 0};
  if (request[method.size()] != ' ' || !version.starts_with("http/1.")) return {Kind::malformed, {}, 0};
  return read_head(request, begin);
}

}  // namespace

Sniffed sniff(Bytes bytes) {
  if (bytes.empty()) return {};
  const auto looked_at = bytes.first(std::min(bytes.size(), most_sniffed));
  auto out = bytes[0] == 22 ? read_tls(looked_at)
                            : read_http({reinterpret_cast<const char*>(looked_at.data()), looked_at.size()});
  if (out.kind == Kind::more && bytes.size() >= most_sniffed) out.kind = Kind::malformed;
  return out;
}

}  // namespace sbx
