// What the helper has in the sandbox's network namespace: sockets alone, made by a process that joins it and ends.
#pragma once
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx::proxy {

// Connections of every program arrive here; the port also takes HTTP CONNECT and SOCKS5. Below 1024, so that hardly a
// program wants it for itself.
inline constexpr unsigned proxy_port = 828;

struct InsideSockets {
  UniqueFd tcp4, tcp6;          // listening; the second is absent without IPv6
  UniqueFd dns_udp4, dns_udp6;
  UniqueFd dns_tcp4, dns_tcp6;
};

// Joins the namespaces in a process of its own, sets them up, and takes over the sockets. Must be called with one thread.
Result<InsideSockets> make_inside(int user_namespace, int network_namespace, bool ipv6);

}  // namespace sbx::proxy
