#include "egress/proxy_request.h"

#include <algorithm>

#include "base/text.h"
#include "egress/rules.h"
#include "egress/sniff.h"

namespace sbx {
namespace {

using Kind = ProxyRequest::Kind;

ProxyRequest bad() { return {.kind = Kind::bad}; }

ProxyRequest read_greeting(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 2) return {};
  const std::size_t size = 2U + bytes[1];
  if (bytes.size() < size) return {};
  // Without authentication: nobody else can come here.
  const auto methods = bytes.subspan(2, bytes[1]);
  return std::ranges::find(methods, 0) == methods.end() ? bad() : ProxyRequest{.kind = Kind::socks_greeting, .consumed = size};
}

ProxyRequest read_socks(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 5) return {};
  if (bytes[0] != 5 || bytes[1] != 1) return bad();  // CONNECT alone
  const std::size_t length = bytes[3] == 1 ? 4 : bytes[3] == 4 ? 16 : bytes[3] == 3 ? 1U + bytes[4] : 0;
  if (length == 0) return bad();
  const std::size_t size = 4 + length + 2;
  if (bytes.size() < size) return {};
  ProxyRequest out{.kind = Kind::socks, .consumed = size};
  out.port = static_cast<std::uint16_t>(bytes[size - 2] << 8U | bytes[size - 1]);
  if (bytes[3] == 1) out.address = address_v4(&bytes[4]);
  else if (bytes[3] == 4) out.address = address_v6(&bytes[4]);
  else {
    const std::string text(bytes.begin() + 5, bytes.begin() + static_cast<std::ptrdiff_t>(4 + length));
    out.address = parse_address(text);
    out.name = normalize_name(text);
  }
  return out.address || !out.name.empty() ? out : bad();
}

// "host:port", "[address]:port"
bool read_authority(std::string_view text, std::uint16_t without, ProxyRequest& out) {
  const auto colon = text.rfind(':');
  const bool port = colon != text.npos && text.find(']', colon) == text.npos;
  const auto number = port ? parse_number(text.substr(colon + 1)) : std::optional<std::uint64_t>(without);
  auto host = text.substr(0, port ? colon : text.npos);
  if (!number || *number == 0 || *number > 65535) return false;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.port = static_cast<std::uint16_t>(*number);
  out.address = parse_address(host);
  out.name = normalize_name(host);
  return out.address || !out.name.empty();
}

// One request a connection: the next may be for another host. What is between the program and its proxy stays here.
std::string forwarded_head(std::string_view head) {
  std::string out;
  for (std::size_t at = 0; at < head.size();) {
    const auto end = std::min(head.find('\n', at), head.size() - 1) + 1;
    const auto line = head.substr(at, end - at);
    std::string name(line.substr(0, line.find(':')));
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const bool kept = name != "connection" && name != "proxy-connection" && name != "proxy-authorization" && name != "keep-alive";
    if (kept) out += line;
    if (at == 0) out += "Connection: close\r\n";
    at = end;
  }
  return out;
}

ProxyRequest read_http(std::string_view text) {
  const auto line_end = text.find('\n');
  auto end = text.find("\r\n\r\n");
  if (line_end == text.npos || end == text.npos) return text.size() >= most_sniffed ? bad() : ProxyRequest{};
  end += 4;
  const auto line = text.substr(0, line_end);
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == 0 || first == line.npos || last == first) return bad();
  const auto target = line.substr(first + 1, last - first - 1);
  ProxyRequest out{.kind = Kind::connect, .consumed = end};
  if (line.substr(0, first) == "CONNECT") return read_authority(target, 0, out) ? out : bad();
  if (!target.starts_with("http://")) return bad();
  const auto rest = target.substr(7);
  out.kind = Kind::forward;
  out.head = forwarded_head(text.substr(0, end));
  return read_authority(rest.substr(0, rest.find_first_of("/?#")), 80, out) ? out : bad();
}

}  // namespace

ProxyRequest read_proxy_request(std::span<const std::uint8_t> bytes, bool greeted) {
  if (bytes.empty()) return {};
  if (greeted) return read_socks(bytes);
  if (bytes[0] == 5) return read_greeting(bytes);
  return read_http({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string proxy_answer(Kind kind, ProxyOutcome outcome) {
  if (kind == Kind::socks) {
    const char code = outcome == ProxyOutcome::connected ? 0 : outcome == ProxyOutcome::refused ? 2 : 4;
    return std::string{5, code, 0, 1} + std::string(6, '\0');
  }
  if (outcome == ProxyOutcome::connected) return kind == Kind::connect ? "HTTP/1.1 200 Connection established\r\n\r\n" : "";
  return outcome == ProxyOutcome::refused ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                                          : "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

}  // namespace sbx
