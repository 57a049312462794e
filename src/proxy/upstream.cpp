#include "proxy/upstream.h"

#include <ares.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "proxy/socket_address.h"

namespace sbx::proxy {
namespace {

// A flood of questions is the sandbox's own loss; the host's name servers aren't to have it.
constexpr std::size_t most_pending = 256;
constexpr std::uint32_t hosts_ttl = 10;  // of /etc/hosts, which has none

DnsCode code_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
    case ARES_ENODATA: return DnsCode::ok;
    case ARES_ENOTFOUND: return DnsCode::no_such_name;
    default: return DnsCode::server_failure;
  }
}

std::uint32_t least_ttl(const ares_addrinfo& info, const ares_addrinfo_node& node) {
  int out = node.ai_ttl > 0 ? node.ai_ttl : 0;
  for (const auto* alias = info.cnames; alias != nullptr; alias = alias->next) out = std::min(out, std::max(alias->ttl, 0));
  const bool from_hosts = node.ai_ttl == 0 && info.cnames == nullptr;
  return from_hosts ? hosts_ttl : static_cast<std::uint32_t>(out);
}

}  // namespace

Result<std::unique_ptr<Upstream>> Upstream::open(Loop& loop) {
  std::unique_ptr<Upstream> out(new Upstream(loop));
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH;  // the sandbox's own programs have no search list
  options.timeout = 2000;
  options.tries = 3;
  options.sock_state_cb = socket_changed;
  options.sock_state_cb_data = out.get();
  int status = ::ares_library_init(ARES_LIB_INIT_ALL);
  if (status == ARES_SUCCESS)
    status = ::ares_init_options(&out->channel_, &options, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) return fail(Step::set_up_network, ErrorKind::host, cat("the host's name servers can't be used: ", ::ares_strerror(status)));
  return out;
}

Upstream::~Upstream() {
  if (scheduled_) loop_.cancel(timer_);
  if (channel_ != nullptr) ::ares_destroy(channel_);
}

void Upstream::socket_changed(void* data, int fd, int readable, int writable) {
  auto* self = static_cast<Upstream*>(data);
  if (readable == 0 && writable == 0) {
    self->loop_.events.remove(fd);
    return;
  }
  const std::uint32_t wanted = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
  static_cast<void>(self->loop_.events.add(fd, wanted, [self, fd](std::uint32_t ready) {
    const bool broken = (ready & (EPOLLERR | EPOLLHUP)) != 0;
    ::ares_process_fd(self->channel_, broken || (ready & EPOLLIN) != 0 ? fd : ARES_SOCKET_BAD, broken || (ready & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
    self->schedule();
  }));
}

void Upstream::schedule() {
  if (scheduled_) loop_.cancel(timer_);
  scheduled_ = false;
  timeval left{};
  if (pending_ == 0 || ::ares_timeout(channel_, nullptr, &left) == nullptr) return;
  scheduled_ = true;
  timer_ = loop_.after(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec) + std::chrono::milliseconds(1), [this] {
    scheduled_ = false;
    ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    schedule();
  });
}

void Upstream::resolve(const std::string& name, int family, Answer answer) {
  if (pending_ >= most_pending) {
    answer({});
    return;
  }
  struct Query {
    Upstream* self;
    Answer answer;
  };
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;  // else each address comes once for every kind of socket
  hints.ai_flags = ARES_AI_NOSORT;
  ++pending_;
  const auto done = [](void* argument, int status, int, ares_addrinfo* info) {
    const std::unique_ptr<Query> query(static_cast<Query*>(argument));
    const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owner(info, ::ares_freeaddrinfo);
    --query->self->pending_;
    Resolved out{code_of(status), {}};
    for (const auto* node = info != nullptr ? info->nodes : nullptr; node != nullptr; node = node->ai_next)
      if (const auto address = address_of(*node->ai_addr)) out.addresses.push_back({*address, least_ttl(*info, *node)});
    query->answer(std::move(out));
  };
  ::ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, done, new Query{this, std::move(answer)});
  schedule();
}

bool has_route(const IpAddress& address) {
  const SocketAddress target(address, 53);
  const UniqueFd probe(::socket(target.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return probe && ::connect(probe.get(), target.get(), target.size()) == 0;
}

bool host_has_ipv6() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  bool found = false;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET6) continue;
    const auto address = address_of(*one->ifa_addr);
    // ::1/128 and fe80::/10 lead nowhere; a unique local address may.
    found = found || (address && address->bytes[0] != 0 && !(address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80));
  }
  ::freeifaddrs(list);
  return found;
}

}  // namespace sbx::proxy
