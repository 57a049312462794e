#include "launch/monitor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <span>

#include "base/fault.h"
#include "kernel/pidfd.h"
#include "kernel/resident.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;

// What is passed on to the payload; SIGABRT is how a service manager's watchdog asks for a core. SIGTSTP has its own way;
// the rest is about sbx itself.
constexpr int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGALRM, SIGABRT};

class Loop {
 public:
  explicit Loop(const Watched& watched) : watched_(watched) {
    if (watched_.limits.wall_time_us != 0) deadline_ = Clock::now() + std::chrono::microseconds(watched_.limits.wall_time_us);
  }

  Result<Watch> run() {
    pollfd entries[7] = {{watched_.channel, POLLIN, 0}, {watched_.pidfd, POLLIN, 0}, {watched_.signals, POLLIN, 0}};
    std::fill(entries + 3, entries + 7, pollfd{-1, 0, 0});  // poll(2) passes over negative ones
    Terminal* const terminal = watched_.terminal;
    while (!done_) {
      // By the clock: a payload that never rests settles as well.
      if (!settled_ && Clock::now() >= settles_at_) {
        // What the launch needed is not needed while the payload runs.
        settled_ = true;
        if (watched_.on_settled) watched_.on_settled();
        release_unused_memory();
      }
      if (terminal != nullptr) std::ranges::copy(terminal->poll_fds(), entries + 4);
      entries[3] = {watched_.events != nullptr ? watched_.events->fd() : -1, POLLIN, 0};  // handlers may come later
      const int ready = ::poll(entries, std::size(entries), settled_ ? timeout() : settled_ms);
      if (ready < 0 && errno != EINTR) return fail_errno(Step::monitor, errno, "poll");
      if (deadline_ && Clock::now() >= *deadline_) expire();
      if (ready >= 0 && terminal != nullptr) terminal->handle(std::span<const pollfd>(entries + 4, 3));
      if (ready <= 0) continue;
      if (entries[3].revents != 0) watched_.events->dispatch();
      if (entries[2].revents != 0) read_signal();
      if (entries[0].revents != 0) SBX_TRY(read_channel());
      // Only when the channel is drained: what init said last comes first.
      else if (entries[1].revents != 0) done_ = true;
    }
    return result_;
  }

 private:
  int timeout() const {
    const int terminal = watched_.terminal != nullptr ? watched_.terminal->poll_timeout_ms() : -1;
    if (!deadline_) return terminal;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now()).count();
    const int wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    return terminal < 0 ? wait : std::min(wait, terminal);
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
    if (signal == SIGCHLD && watched_.events != nullptr && watched_.events->child_changed) watched_.events->child_changed();
    if (signal == SIGTSTP) {
      // Without a terminal of its own the payload is in a session of its own, where SIGTSTP has no effect (setpgid(2)).
      tell(MessageKind::forward, SIGSTOP);
      return stop_and_resume();
    }
    if (watched_.terminal != nullptr && signal == SIGWINCH) return watched_.terminal->resize();
    if (watched_.terminal != nullptr && signal == SIGCONT) watched_.terminal->resume();
    // Real-time signals too: a unit may reload by one (ReloadSignal= of systemd.service(5)).
    const bool real_time = signal >= SIGRTMIN && signal <= SIGRTMAX;
    if (real_time || std::ranges::find(forwarded, signal) != std::end(forwarded)) tell(MessageKind::forward, signal);
  }

  // sbx stops as its payload did, so that the caller's shell takes over; once it is continued, so is the payload. By
  // SIGTSTP, which the kernel ignores where nobody could continue an orphaned process group (setpgid(2)).
  void stop_and_resume() {
    if (watched_.terminal != nullptr) watched_.terminal->suspend();
    sigset_t stop;
    ::sigemptyset(&stop);
    ::sigaddset(&stop, SIGTSTP);
    ::raise(SIGTSTP);
    ::sigprocmask(SIG_UNBLOCK, &stop, nullptr);
    ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    if (watched_.terminal != nullptr) watched_.terminal->resume();
    tell(MessageKind::forward, SIGCONT);
  }

  Result<> read_channel() {
    auto received = receive(watched_.channel, 0);
    if (!received) return received.error().errno_value == ETIMEDOUT ? Result<>{} : fail(std::move(received).error());
    if (received->closed) return done_ = true, Result<>{};
    const Message& message = received->message;
    if (message.kind == MessageKind::stopped) stop_and_resume();
    if (message.kind == MessageKind::namespaces && watched_.on_namespaces) {
      watched_.on_namespaces(*std::move(received));
      release_unused_memory();
      return {};
    }
    if (message.kind == MessageKind::adopted && watched_.on_daemon != nullptr && *watched_.on_daemon) (*watched_.on_daemon)();
    if (message.kind != MessageKind::ended) return {};
    result_.ended = done_ = true;
    result_.code = message.error;
    result_.status = message.detail;
    return {};
  }

  const Watched& watched_;
  const Clock::time_point settles_at_ = Clock::now() + std::chrono::milliseconds(settled_ms);
  std::optional<Clock::time_point> deadline_;
  Watch result_;
  bool done_ = false, settled_ = false;
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

// A shell tells of its child's kill by 128 + 9. Where init went as well (memory.oom.group, OOMPolicy=kill) the cgroup may
// be gone with its counters: then nobody else is known to have sent SIGKILL.
void judge_memory(const Watch& watched, ExitReport& report) {
  const bool counted = report.cgroup.oom_kills.value_or(0) > 0;
  const bool shell_word = report.ending == Ending::exited && report.exit_code == 128 + SIGKILL;
  const bool vanished = !watched.ended && !watched.killed && !report.cgroup.oom_kills && report.limits.memory_max;
  const bool killed = report.ending == Ending::signalled && report.signal == SIGKILL;
  if (counted && shell_word) report.signal = SIGKILL;
  if ((counted && (shell_word || killed)) || (killed && vanished)) report.ending = Ending::out_of_memory;
}

}  // namespace sbx
