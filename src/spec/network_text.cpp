#include "spec/network_text.h"

#include <arpa/inet.h>

#include "base/text.h"

namespace sbx {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

}  // namespace

std::string_view network_mode_name(NetworkMode mode) {
  switch (mode) {
    case NetworkMode::host: return "host";
    case NetworkMode::private_nat: return "private";
    case NetworkMode::filtered: return "filtered";
    case NetworkMode::learn: return "learn";
    case NetworkMode::none: break;
  }
  return "none";
}

AddressFamily address_family(std::string_view text) {
  const std::string address(text);
  in6_addr bytes{};
  // No system call: text to bytes (inet_pton(3)).
  if (::inet_pton(AF_INET, address.c_str(), &bytes) == 1) return AddressFamily::ipv4;
  return ::inet_pton(AF_INET6, address.c_str(), &bytes) == 1 ? AddressFamily::ipv6 : AddressFamily::none;
}

std::optional<PublishSpec> parse_publish(std::string_view text) {
  PublishSpec out;
  if (const auto slash = text.rfind('/'); slash != text.npos) {
    const auto protocol = text.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp") return std::nullopt;
    if (protocol == "udp") out.transport = Transport::udp;
    text = text.substr(0, slash);
  }
  const auto last = text.rfind(':');
  if (last == text.npos) return std::nullopt;
  const auto port = parse_port(text.substr(last + 1));
  text = text.substr(0, last);
  const auto middle = text.rfind(':');
  const auto host_port = parse_port(middle == text.npos ? text : text.substr(middle + 1));
  if (!port || !host_port) return std::nullopt;
  out.port = *port, out.host_port = *host_port;
  // Nobody but this host, unless an address says so.
  auto address = middle == text.npos ? std::string_view("127.0.0.1") : text.substr(0, middle);
  const bool brackets = address.starts_with('[') && address.ends_with(']');
  if (brackets) address = address.substr(1, address.size() - 2);
  out.address = address;
  const auto wanted = brackets ? AddressFamily::ipv6 : AddressFamily::ipv4;
  return address_family(address) == wanted ? std::optional(out) : std::nullopt;
}

std::string publish_text(const PublishSpec& publish) {
  const bool ipv6 = publish.address.find(':') != std::string::npos;
  return cat(ipv6 ? "[" : "", publish.address, ipv6 ? "]:" : ":", publish.host_port, ":", publish.port,
             publish.transport == Transport::udp ? "/udp" : "");
}

}  // namespace sbx
