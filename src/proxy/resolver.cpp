#include "proxy/resolver.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace sbx::proxy {
namespace {

constexpr std::size_t most_streams = 32;
constexpr auto stream_patience = std::chrono::seconds(15);
constexpr int datagrams_a_round = 64;
// No type of RFC 9460: its records carry addresses that aren't judged, and the keys of encrypted ClientHellos.
constexpr std::uint16_t type_svcb = 64, type_https = 65;

// Where a datagram came from and which of the namespace's addresses it was sent to.
struct Datagram {
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof(sockaddr_storage);
  alignas(cmsghdr) std::array<char, 128> control{};
  std::size_t control_size = 0;
};

void send_back(int socket, Datagram from, std::vector<std::uint8_t> bytes) {
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_name = &from.peer, message.msg_namelen = from.peer_size;
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = from.control.data(), message.msg_controllen = from.control_size;
  // The answer's source is the question's destination; an interface isn't to be chosen.
  if (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      info.ipi_spec_dst = info.ipi_addr;
      info.ipi_ifindex = 0;
      std::memcpy(CMSG_DATA(header), &info, sizeof info);
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      info.ipi6_ifindex = 0;
      std::memcpy(CMSG_DATA(header), &info, sizeof info);
    }
  }
  // A full buffer loses the answer as a network would; the client asks again.
  static_cast<void>(::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

}  // namespace

struct Resolver::Stream {
  UniqueFd fd;
  std::vector<std::uint8_t> input;
  Loop::Timer timer;
};

Resolver::~Resolver() {
  for (const auto& socket : sockets_) loop_.events.remove(socket.get());
  while (!streams_.empty()) drop_stream(streams_.begin()->first);
}

Result<> Resolver::serve(InsideSockets& sockets) {
  for (UniqueFd* socket : {&sockets.dns_udp4, &sockets.dns_udp6}) {
    if (!*socket) continue;
    SBX_TRY(loop_.events.add(socket->get(), EPOLLIN, [this, fd = socket->get()](std::uint32_t) { serve_datagrams(fd); }));
    sockets_.push_back(std::move(*socket));
  }
  for (UniqueFd* socket : {&sockets.dns_tcp4, &sockets.dns_tcp6}) {
    if (!*socket) continue;
    SBX_TRY(loop_.events.add(socket->get(), EPOLLIN, [this, fd = socket->get()](std::uint32_t) { accept_streams(fd); }));
    sockets_.push_back(std::move(*socket));
  }
  return {};
}

void Resolver::resolve(const std::string& name, int family, Upstream::Answer answer) {
  const auto refuse = [&](DnsCode code, const char* reason) {
    policy_.journal.add({.event = "refused", .protocol = "dns", .name = name, .reason = reason});
    answer({code, {}});
  };
  if (name.empty() || !name_may_resolve(policy_.rules, name)) {
    refuse(DnsCode::no_such_name, name.empty() ? "no host name" : "no allow entry names it");
    return;
  }
  if (family == AF_INET6 && !policy_.ipv6) {
    answer({DnsCode::ok, {}});
    return;
  }
  upstream_.resolve(name, family, [this, name, answer = std::move(answer)](Resolved resolved) {
    const auto now = Answers::Clock::now();
    std::string inner, given;
    std::erase_if(resolved.addresses, [&](const DnsAddress& one) {
      // The rules may have changed while the answer was awaited.
      if (!name_may_resolve(policy_.rules, name)) return true;
      if (!address_may_be_answered(policy_.rules, one.address)) {
        inner = format_address(one.address);
        return true;
      }
      // A connection is taken before its way is known: what has none is better not tried.
      return !has_route(one.address) || !policy_.answers.add(one.address, name, one.ttl, now);
    });
    for (auto& one : resolved.addresses) {
      one.ttl = std::min(one.ttl, static_cast<std::uint32_t>(Answers::most_life.count()));
      given += cat(given.empty() ? "" : " ", format_address(one.address));
    }
    if (!inner.empty())
      policy_.journal.add({.event = "refused", .protocol = "dns", .name = name, .address = inner, .reason = "an inner address that no allow entry names"});
    policy_.journal.add({.event = "resolved", .protocol = "dns", .name = name, .address = given});
    answer(std::move(resolved));
  });
}

void Resolver::answer(const DnsQuestion& question, std::size_t limit, const std::function<void(std::vector<std::uint8_t>)>& reply) {
  const auto plain = [&](DnsCode code) { reply(write_dns_answer(question, code, {}, limit)); };
  if (question.cls != ns_c_in) return plain(DnsCode::refused);
  const bool address = question.type == ns_t_a || question.type == ns_t_aaaa;
  if (!address) {
    const bool known = !question.name.empty() && name_may_resolve(policy_.rules, question.name);
    return plain(!known ? DnsCode::no_such_name : question.type == type_svcb || question.type == type_https ? DnsCode::refused : DnsCode::ok);
  }
  resolve(question.name, question.type == ns_t_a ? AF_INET : AF_INET6, [question, limit, reply](const Resolved& resolved) {
    reply(write_dns_answer(question, resolved.code, resolved.addresses, limit));
  });
}

void Resolver::serve_datagrams(int socket) {
  std::array<std::uint8_t, 4096> buffer;
  for (int round = 0; round < datagrams_a_round; ++round) {
    Datagram from;
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &from.peer, message.msg_namelen = sizeof from.peer;
    message.msg_iov = &part, message.msg_iovlen = 1;
    message.msg_control = from.control.data(), message.msg_controllen = from.control.size();
    const auto count = ::recvmsg(socket, &message, MSG_DONTWAIT);
    if (count < 0) return;
    if ((message.msg_flags & MSG_TRUNC) != 0) continue;
    from.peer_size = message.msg_namelen, from.control_size = message.msg_controllen;
    const auto read = read_dns_question(std::span(buffer).first(static_cast<std::size_t>(count)));
    if (read.outcome == ReadQuestion::Outcome::drop) continue;
    if (read.outcome == ReadQuestion::Outcome::answer_with_code) {
      send_back(socket, from, write_dns_answer(read.question, read.code, {}, dns_udp_least));
      continue;
    }
    answer(read.question, read.question.udp_size, [socket, from](std::vector<std::uint8_t> bytes) { send_back(socket, from, std::move(bytes)); });
  }
}

void Resolver::accept_streams(int socket) {
  UniqueFd fd(::accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return;
  if (streams_.size() >= most_streams) return;
  const int number = fd.get();
  auto stream = std::make_shared<Stream>();
  stream->fd = std::move(fd);
  stream->timer = loop_.after(stream_patience, [this, number] { drop_stream(number); });
  if (!loop_.events.add(number, EPOLLIN, [this, number](std::uint32_t) { read_stream(number); })) {
    loop_.cancel(stream->timer);
    return;
  }
  streams_[number] = std::move(stream);
}

void Resolver::drop_stream(int fd) {
  loop_.events.remove(fd);
  if (const auto found = streams_.find(fd); found != streams_.end()) {
    loop_.cancel(found->second->timer);
    // Whoever awaits an answer holds the stream still: its descriptor goes now.
    found->second->fd.reset();
    streams_.erase(found);
  }
}

void Resolver::read_stream(int fd) {
  const auto stream = streams_.at(fd);
  std::array<std::uint8_t, 4096> buffer;
  const auto count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return drop_stream(fd);
  auto& input = stream->input;
  input.insert(input.end(), buffer.begin(), buffer.begin() + count);
  // Each message after its length (RFC 1035, 4.2.2).
  while (input.size() >= 2) {
    const std::size_t size = static_cast<std::size_t>(input[0]) << 8U | input[1];
    if (size > 4096) return drop_stream(fd);
    if (input.size() < 2 + size) return;
    const auto read = read_dns_question(std::span(input).subspan(2, size));
    input.erase(input.begin(), input.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    if (read.outcome == ReadQuestion::Outcome::drop) return drop_stream(fd);
    const auto reply = [this, stream, fd](std::vector<std::uint8_t> bytes) {
      if (!stream->fd) return;
      bytes.insert(bytes.begin(), {static_cast<std::uint8_t>(bytes.size() >> 8U), static_cast<std::uint8_t>(bytes.size())});
      // An answer that doesn't fit into the socket's buffer is of a client that doesn't read.
      if (::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) drop_stream(fd);
    };
    if (read.outcome == ReadQuestion::Outcome::answer_with_code) reply(write_dns_answer(read.question, read.code, {}, 65535));
    else answer(read.question, 65535, reply);
    if (!stream->fd) return;
  }
}

}  // namespace sbx::proxy
