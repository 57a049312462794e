#include "proxy/gate.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "proxy/socket_address.h"

namespace sbx::proxy {
namespace {

constexpr int accepted_a_round = 32;
constexpr int original_destination = 80;  // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST, whose headers clash with <netinet/in.h>

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

// Where the client wanted to go, before the redirection (the kernel's nf_conntrack).
std::optional<Endpoint> destination(int fd) {
  sockaddr_storage own{}, wanted{};
  socklen_t size = sizeof own;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) return std::nullopt;
  const bool v4 = own.ss_family == AF_INET;
  size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (::getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, original_destination, &wanted, &size) != 0) return std::nullopt;
  const auto& address = reinterpret_cast<const sockaddr&>(wanted);
  if (const auto found = address_of(address)) return Endpoint{*found, port_of(address)};
  return std::nullopt;
}

}  // namespace

Result<> Gate::serve(InsideSockets& sockets) {
  for (UniqueFd* socket : {&sockets.tcp4, &sockets.tcp6})
    if (*socket) sockets_.push_back(std::move(*socket));
  return listen(true);
}

Result<> Gate::listen(bool on) {
  if (on == listening_) return {};
  listening_ = on;
  for (const auto& socket : sockets_) {
    if (on) SBX_TRY(loop_.events.add(socket.get(), EPOLLIN, [this, fd = socket.get()](std::uint32_t) { accept(fd); }));
    else loop_.events.remove(socket.get());
  }
  return {};
}

void Gate::accept(int socket) {
  for (int round = 0; round < accepted_a_round; ++round) {
    if (connections_.size() >= most_) {
      static_cast<void>(listen(false));
      return;
    }
    UniqueFd client(::accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client) return;
    const auto wanted = destination(client.get());
    if (!wanted) continue;
    const std::uint64_t number = next_++;
    auto connection = std::make_unique<Connection>(loop_, policy_, pipes_, std::move(client), number,
                                                   [this, number] { loop_.defer([this, number] { forget(number); }); });
    Connection& begun = *connection;
    connections_.emplace(number, std::move(connection));
    const bool to_itself = wanted->port == proxy_port && (wanted->address == *parse_address("127.0.0.1") || wanted->address == *parse_address("::1"));
    if (to_itself) begun.begin_as_proxy(resolver_);
    else begun.begin(wanted->address, wanted->port);
  }
}

void Gate::forget(std::uint64_t number) {
  connections_.erase(number);
  if (!listening_ && connections_.size() < most_) static_cast<void>(listen(true));
}

void Gate::rules_changed() {
  for (const auto& [number, connection] : connections_) connection->judge_again();
}

}  // namespace sbx::proxy
