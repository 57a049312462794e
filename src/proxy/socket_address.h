// IpAddress to and from the kernel's sockaddr.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

#include "egress/address.h"

namespace sbx::proxy {

class SocketAddress {
 public:
  SocketAddress(const IpAddress& address, std::uint16_t port) : v4_(address.is_v4()) {
    if (v4_) {
      auto& out = reinterpret_cast<sockaddr_in&>(storage_);
      out.sin_family = AF_INET, out.sin_port = htons(port);
      std::memcpy(&out.sin_addr, address.bytes.data() + 12, 4);
    } else {
      auto& out = reinterpret_cast<sockaddr_in6&>(storage_);
      out.sin6_family = AF_INET6, out.sin6_port = htons(port);
      std::memcpy(&out.sin6_addr, address.bytes.data(), 16);
    }
  }
  int family() const { return v4_ ? AF_INET : AF_INET6; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return v4_ ? sizeof(sockaddr_in) : sizeof(sockaddr_in6); }

 private:
  sockaddr_storage storage_{};
  bool v4_;
};

inline std::optional<IpAddress> address_of(const sockaddr& from) {
  if (from.sa_family == AF_INET) return address_v4(reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in&>(from).sin_addr));
  if (from.sa_family == AF_INET6) return address_v6(reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in6&>(from).sin6_addr));
  return std::nullopt;
}
inline std::uint16_t port_of(const sockaddr& from) {
  return ntohs(from.sa_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(from).sin_port : reinterpret_cast<const sockaddr_in6&>(from).sin6_port);
}

}  // namespace sbx::proxy
