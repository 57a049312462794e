// Names resolved as the host does: its /etc/hosts and its name servers, by c-ares. upstream.cpp is its only user.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "egress/dns_message.h"
#include "proxy/loop.h"

struct ares_channeldata;

namespace sbx::proxy {

struct Resolved {
  DnsCode code = DnsCode::server_failure;
  std::vector<DnsAddress> addresses;  // the TTL is the least of the chain that led to it
};

class Upstream {
 public:
  using Answer = std::function<void(Resolved)>;
  static Result<std::unique_ptr<Upstream>> open(Loop& loop);
  ~Upstream();
  // `family`: AF_INET or AF_INET6. Calls `answer` once, maybe before it returns.
  void resolve(const std::string& name, int family, Answer answer);

 private:
  explicit Upstream(Loop& loop) : loop_(loop) {}
  static void socket_changed(void* self, int fd, int readable, int writable);
  void schedule();
  Loop& loop_;
  ares_channeldata* channel_ = nullptr;
  std::size_t pending_ = 0;
  bool scheduled_ = false;
  Loop::Timer timer_{};
};

// Whether this host has a way to the address: no packet is sent.
bool has_route(const IpAddress& address);
// Whether an interface of this host has an IPv6 address that leads beyond its link.
bool host_has_ipv6();

}  // namespace sbx::proxy
