#include "proxy/relay.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

namespace sbx::proxy {
namespace {

constexpr int moves_a_turn = 16;

}  // namespace

Relay::~Relay() {
  pipes_.give_back(std::move(up_.pipe));
  pipes_.give_back(std::move(down_.pipe));
}

void Relay::client_ready(bool readable, bool writable) {
  up_.readable = up_.readable || readable;
  down_.writable = down_.writable || writable;
}

void Relay::server_ready(bool readable, bool writable) {
  down_.readable = down_.readable || readable;
  up_.writable = up_.writable || writable;
}

// Who is written to takes no more, and may have said why: what it said still goes the other way.
Relay::State Relay::cut(Half& half) {
  half.done = half.cut = true;
  half.pipe.reset();
  return State::done;
}

Relay::State Relay::send_head(Half& half) {
  while (head_sent_ < head_.size() && half.writable) {
    const auto count = ::send(half.to, head_.data() + head_sent_, head_.size() - head_sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) half.writable = false;
    else if (count < 0 && errno != EINTR) return cut(half);
    else if (count > 0) head_sent_ += static_cast<std::size_t>(count), half.bytes += static_cast<std::uint64_t>(count);
  }
  if (head_sent_ < head_.size()) return State::waits;
  std::vector<std::uint8_t>().swap(head_);
  head_sent_ = 0;
  return State::done;
}

Relay::State Relay::pump_half(Half& half) {
  if (half.done) return State::done;
  if (&half == &up_ && !head_.empty())
    if (const State head = send_head(half); head != State::done || half.done) return head;
  if (!half.open) return State::waits;
  for (int turn = 0; turn < moves_a_turn; ++turn) {
    if (half.pipe && half.pipe->filled > 0) {
      if (!half.writable) return State::waits;
      const auto count = ::splice(half.pipe->read.get(), nullptr, half.to, nullptr, half.pipe->filled, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (count > 0) half.pipe->filled -= static_cast<std::size_t>(count), half.bytes += static_cast<std::uint64_t>(count);
      else if (count < 0 && errno == EAGAIN) half.writable = false;
      else if (count == 0 || errno != EINTR) return cut(half);
      continue;
    }
    if (half.ended) {
      // The other way may go on (tcp(7), half-closed).
      ::shutdown(half.to, SHUT_WR);
      half.done = true;
      break;
    }
    if (!half.readable) break;
    if (!half.pipe) half.pipe = pipes_.take();
    if (!half.pipe) return State::broken;
    const auto count = ::splice(half.from, nullptr, half.pipe->write.get(), nullptr, Pipes::wanted_size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (count > 0) half.pipe->filled = static_cast<std::size_t>(count);
    else if (count == 0) half.ended = true;
    else if (errno == EAGAIN) half.readable = false;  // the pipe was empty: it is the socket that has nothing
    else if (errno != EINTR) return State::broken;
  }
  if (half.pipe && half.pipe->filled == 0) pipes_.give_back(std::move(half.pipe));
  if (half.done) return State::done;
  return (half.pipe && half.writable) || half.readable || half.ended ? State::goes_on : State::waits;
}

Relay::State Relay::pump() {
  const State up = pump_half(up_), down = pump_half(down_);
  if (up == State::broken || down == State::broken) return State::broken;
  if (up == State::done && down == State::done) return up_.cut || down_.cut ? State::broken : State::done;
  return up == State::goes_on || down == State::goes_on ? State::goes_on : State::waits;
}

}  // namespace sbx::proxy
