#include "launch/monitor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/fault.h"
#include "kernel/pidfd.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;

// What is passed on to the payload. SIGTSTP has its own way; the rest is about sbx itself.
constexpr int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGALRM};

class Loop {
 public:
  explicit Loop(const Watched& watched) : watched_(watched) {
    if (watched_.limits.wall_time_us != 0) deadline_ = Clock::now() + std::chrono::microseconds(watched_.limits.wall_time_us);
  }

  Result<Watch> run() {
    pollfd entries[] = {{watched_.channel, POLLIN, 0}, {watched_.pidfd, POLLIN, 0}, {watched_.signals, POLLIN, 0}};
    while (!done_) {
      const int ready = ::poll(entries, 3, timeout());
      if (ready < 0 && errno != EINTR) return fail_errno(Step::monitor, errno, "poll");
      if (deadline_ && Clock::now() >= *deadline_) expire();
      if (ready <= 0) continue;
      if (entries[2].revents != 0) read_signal();
      if (entries[0].revents != 0) SBX_TRY(read_channel());
      // Only when the channel is drained: what init said last comes first.
      else if (entries[1].revents != 0) done_ = true;
    }
    return result_;
  }

 private:
  int timeout() const {
    if (!deadline_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  void tell(MessageKind kind, int detail) {
    Message message{};
    message.kind = kind;
    message.detail = detail;
    static_cast<void>(send(watched_.channel, message));  // an init that is gone shows on its pidfd
  }

  // First the wall time, then the grace.
  void expire() {
    if (!result_.timed_out) {
      result_.timed_out = true;
      deadline_ = Clock::now() + std::chrono::microseconds(watched_.limits.grace_us);
      tell(MessageKind::forward, SIGTERM);
    } else if (!result_.killed) {
      result_.killed = true;
      deadline_ = Clock::now() + std::chrono::seconds(1);
      tell(MessageKind::kill_payload, 0);
    } else {
      // Not even init answers.
      deadline_.reset();
      static_cast<void>(pidfd_signal(watched_.pidfd, SIGKILL));
    }
  }

  void read_signal() {
    signalfd_siginfo info;
    if (::read(watched_.signals, &info, sizeof info) != sizeof info) return;
    const int signal = static_cast<int>(info.ssi_signo);
    if (std::ranges::find(forwarded, signal) != std::end(forwarded)) return tell(MessageKind::forward, signal);
    if (signal == SIGTSTP) stop_with_payload();
  }

  // Without a terminal of its own the payload is in a session of its own, where SIGTSTP has no effect (setpgid(2)).
  void stop_with_payload() {
    tell(MessageKind::forward, SIGSTOP);
    ::raise(SIGSTOP);
    tell(MessageKind::forward, SIGCONT);
  }

  Result<> read_channel() {
    auto received = receive(watched_.channel, 0);
    if (!received) return received.error().errno_value == ETIMEDOUT ? Result<>{} : fail(std::move(received).error());
    if (received->closed) return done_ = true, Result<>{};
    const Message& message = received->message;
    if (message.kind != MessageKind::ended) return {};
    result_.ended = done_ = true;
    result_.code = message.error;
    result_.status = message.detail;
    return {};
  }

  const Watched& watched_;
  std::optional<Clock::time_point> deadline_;
  Watch result_;
  bool done_ = false;
};

}  // namespace

Result<BlockedSignals> BlockedSignals::block() {
  BlockedSignals blocked;
  sigset_t all;
  ::sigfillset(&all);
  if (::sigprocmask(SIG_BLOCK, &all, &blocked.before_) != 0) return fail_errno(Step::monitor, errno, "block signals");
  blocked.fd_ = UniqueFd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!blocked.fd_) {
    const int error = errno;
    ::sigprocmask(SIG_SETMASK, &blocked.before_, nullptr);
    return fail_errno(Step::monitor, error, "signalfd", "raise the limit of open files (ulimit -n)");
  }
  return blocked;
}

BlockedSignals::~BlockedSignals() {
  if (fd_) ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

Result<Watch> watch(const Watched& watched) {
  if (const int error = fault_at(Step::monitor); error != 0) return fail_errno(Step::monitor, error, "poll");
  return Loop(watched).run();
}

}  // namespace sbx
