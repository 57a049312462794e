#include "proxy/connection.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "proxy/socket_address.h"

namespace sbx::proxy {
namespace {

constexpr auto connect_patience = std::chrono::seconds(30);
// For a proxy's client to say where it wants to go.
constexpr auto request_patience = std::chrono::seconds(15);
constexpr std::uint32_t both_ways = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

void set_option(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

// The other side sees an end that is no regular one.
void close_with_reset(UniqueFd& fd) {
  if (!fd) return;
  const linger now{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd.reset();
}

}  // namespace

Connection::Connection(Loop& loop, Policy& policy, Pipes& pipes, UniqueFd client, std::uint64_t number, std::function<void()> finished)
    : loop_(loop), policy_(policy), pipes_(pipes), client_(std::move(client)), number_(number), finished_(std::move(finished)) {
  set_option(client_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
}

Connection::~Connection() {
  *alive_ = false;
  finish(true);
}

void Connection::begin(const IpAddress& address, std::uint16_t port) {
  address_ = address, port_ = port;
  judged(judge_connection(policy_.rules, policy_.answers, Protocol::tcp, address, port, Answers::Clock::now()));
}

void Connection::begin_as_proxy(Resolver& resolver) {
  resolver_ = &resolver;
  timer_ = loop_.after(request_patience, [this] { timer_.reset(), finish(true); });
  if (!loop_.events.add(client_.get(), both_ways, [this](std::uint32_t ready) { client_event(ready); })) finish(true);
}

void Connection::read_request() {
  for (std::array<std::uint8_t, 4096> buffer; !over_ && resolver_ != nullptr && asked_ == ProxyRequest::Kind::more;) {
    const auto count = ::recv(client_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 || first_.size() > most_sniffed) return finish(true);
    first_.insert(first_.end(), buffer.begin(), buffer.begin() + count);
    auto request = read_proxy_request(first_, greeted_);
    if (request.kind == ProxyRequest::Kind::socks_greeting) {
      first_.erase(first_.begin(), first_.begin() + static_cast<std::ptrdiff_t>(request.consumed));
      greeted_ = true;
      if (::send(client_.get(), socks_greeting_answer.data(), socks_greeting_answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return finish(true);
      request = read_proxy_request(first_, greeted_);
    }
    if (request.kind == ProxyRequest::Kind::bad) return finish(true);
    if (request.kind != ProxyRequest::Kind::more) take_request(request);
  }
}

void Connection::take_request(const ProxyRequest& request) {
  asked_ = request.kind;
  first_.erase(first_.begin(), first_.begin() + static_cast<std::ptrdiff_t>(request.consumed));
  first_.insert(first_.begin(), request.head.begin(), request.head.end());
  port_ = request.port, name_ = request.name;
  if (request.address) {
    resolver_ = nullptr;
    return begin(*request.address, request.port);
  }
  if (!name_may_connect(policy_.rules, Protocol::tcp, name_, port_)) return refuse(cat("no allow entry opens port ", port_, " of ", name_));
  resolve_request(AF_INET);
}

void Connection::resolve_request(int family) {
  resolver_->resolve(name_, family, [this, family, alive = alive_](const Resolved& resolved) {
    if (!*alive || over_) return;
    if (resolved.addresses.empty()) return family == AF_INET ? resolve_request(AF_INET6) : refuse("the name has no address");
    resolver_ = nullptr;
    address_ = resolved.addresses.front().address;
    judged({.allowed = !address_is_denied(policy_.rules, Protocol::tcp, address_, port_), .names = {name_}, .reason = "a deny entry names the address"});
  });
}

void Connection::answer(ProxyOutcome outcome) {
  if (asked_ == ProxyRequest::Kind::more || !client_) return;
  const auto text = proxy_answer(asked_, outcome);
  static_cast<void>(::send(client_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

void Connection::judged(Verdict verdict) {
  verdict_ = std::move(verdict);
  if (!verdict_.names.empty()) name_ = verdict_.names.front();
  if (!verdict_.allowed) return refuse(verdict_.reason);
  // The way out and the client's first words, at once: neither waits for the other.
  if (!loop_.events.add(client_.get(), both_ways, [this](std::uint32_t ready) { client_event(ready); })) return refuse("no memory for it");
  passed_ = verdict_.by_address;
  connect();
}

void Connection::connect() {
  const SocketAddress target(address_, port_);
  server_.reset(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!server_) return refuse(cat("no socket: ", errno_text(errno)));
  set_option(server_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(server_.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  if (::connect(server_.get(), target.get(), target.size()) != 0 && errno != EINPROGRESS) return refuse(cat("can't be reached: ", errno_text(errno)));
  relay_.emplace(pipes_, client_.get(), server_.get());
  if (passed_) feed(), relay_->open_up();
  if (timer_) loop_.cancel(*timer_);
  timer_ = loop_.after(connect_patience, [this] {
    timer_.reset();
    refuse("can't be reached: Connection timed out");
  });
  if (!loop_.events.add(server_.get(), both_ways, [this](std::uint32_t ready) { server_event(ready); })) return refuse("no memory for it");
}

void Connection::client_event(std::uint32_t ready) {
  if (over_) return;
  if (!relay_) return read_request();
  relay_->client_ready((ready & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0, (ready & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0);
  if (!passed_ && (ready & ~EPOLLOUT) != 0) return read_first_bytes();
  pump();
}

void Connection::server_event(std::uint32_t ready) {
  if (over_) return;
  if (!connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(server_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return refuse(cat("can't be reached: ", errno_text(error)));
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof peer;
    // An event of the descriptor's last owner: still under way.
    if (::getpeername(server_.get(), reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return;
    connected();
  }
  relay_->server_ready((ready & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0, (ready & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0);
  pump();
}

void Connection::connected() {
  connected_ = true;
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  answer(ProxyOutcome::connected);
  relay_->open_down();  // a server may be the one who speaks first
  if (!passed_ && fed_ < first_.size() && judge_first()) return;
  if (passed_) note_allowed();
}

void Connection::read_first_bytes() {
  for (std::array<std::uint8_t, 4096> buffer; first_.size() < most_sniffed;) {
    const auto count = ::recv(client_.get(), buffer.data(), std::min(buffer.size(), most_sniffed - first_.size()), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return finish(true);
    if (count == 0) {
      // No host was named, and none will be; a server that speaks first may still be heard.
      if (first_.empty() || port_ != 80) return pass();
      return refuse("the first bytes don't come to an end");
    }
    first_.insert(first_.end(), buffer.begin(), buffer.begin() + count);
    if (judge_first()) return;
  }
  pump();
}

// What isn't decided yet goes on already, since a protocol may begin with a few bytes and wait for their answer. Only
// what decides is held: a server acts on no request before the end of its head, nor on a part of a ClientHello.
void Connection::feed() {
  relay_->feed(std::span(first_).subspan(fed_));
  fed_ = first_.size();
}

// True: it was decided.
bool Connection::judge_first() {
  const Sniffed sniffed = sniff(first_);
  if (sniffed.kind == Sniffed::Kind::more) return feed(), false;
  const auto reason = policy_.rules.allow_all ? std::string() : judge_first_bytes(sniffed, verdict_.names, port_);
  if (!sniffed.name.empty()) name_ = sniffed.name;
  if (reason.empty()) pass();
  else refuse(reason);
  return true;
}

void Connection::pass() {
  passed_ = true;
  feed();
  relay_->open_up();
  first_ = {};
  fed_ = 0;
  if (connected_) note_allowed();
  // Edge-triggered: what came with the first bytes isn't told again.
  relay_->client_ready(true, false);
  pump();
}

void Connection::note_allowed() {
  if (noted_) return;
  noted_ = true;
  policy_.journal.add({.event = "allowed", .protocol = "tcp", .name = name_, .address = format_address(address_), .port = port_, .connection = number_});
  policy_.note_use(name_.empty() ? format_endpoint(address_, port_) : cat(name_, ":", port_));
}

void Connection::pump() {
  if (over_ || pumping_ || !connected_) return;
  switch (relay_->pump()) {
    case Relay::State::waits: return;
    case Relay::State::done: return finish(false);
    case Relay::State::broken: return finish(true);
    case Relay::State::goes_on:
      pumping_ = true;
      loop_.defer([this] {
        pumping_ = false;
        pump();
      });
  }
}

void Connection::judge_again() {
  if (over_) return;
  const auto covers = [&](const std::string& name) { return name_may_connect(policy_.rules, Protocol::tcp, name, port_); };
  const bool still = address_may_connect(policy_.rules, Protocol::tcp, address_, port_) ||
                     (!address_is_denied(policy_.rules, Protocol::tcp, address_, port_) &&
                      (name_.empty() ? std::ranges::any_of(verdict_.names, covers) : covers(name_)));
  if (!still) refuse("the rules have changed");
}

void Connection::refuse(const std::string& reason) {
  if (over_) return;
  policy_.journal.add({.event = "refused", .protocol = "tcp", .name = name_, .address = format_address(address_), .port = port_, .reason = reason, .connection = number_});
  // A proxy's client is told why; but not within what it has begun to say to the host.
  const bool told = asked_ != ProxyRequest::Kind::more && !connected_;
  if (told) answer(verdict_.allowed ? ProxyOutcome::unreachable : ProxyOutcome::refused);
  finish(!told);
}

void Connection::finish(bool reset) {
  if (over_) return;
  over_ = true;
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  if (noted_) {
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(Loop::Clock::now() - begun_).count();
    policy_.journal.add({.event = "closed", .protocol = "tcp", .name = name_, .address = format_address(address_), .port = port_,
                         .connection = number_, .sent = relay_->sent(), .received = relay_->received(), .time_us = static_cast<std::uint64_t>(time)});
  }
  relay_.reset();
  if (client_) loop_.events.remove(client_.get());
  if (server_) loop_.events.remove(server_.get());
  if (reset) close_with_reset(client_), close_with_reset(server_);
  client_.reset(), server_.reset();
  if (finished_) finished_();
}

}  // namespace sbx::proxy
