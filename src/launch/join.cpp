#include "launch/join.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "base/fault.h"
#include "base/text.h"
#include "kernel/cgroup.h"
#include "kernel/clone.h"
#include "kernel/descriptors.h"
#include "kernel/events.h"
#include "kernel/pidfd.h"
#include "launch/channel.h"
#include "launch/child.h"
#include "launch/child_program.h"
#include "launch/explain_failure.h"
#include "launch/monitor.h"
#include "launch/terminal.h"
#include "systemd/attach.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto attach_patience = std::chrono::seconds(30);
constexpr auto setup_patience = std::chrono::seconds(60);
constexpr int drain_ms = 1000;

bool has_ended(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

// The command dies with the child that was its init, by the kernel's hand, a moment later.
void reap_orphans() {
  const auto deadline = Clock::now() + std::chrono::milliseconds(500);
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0) return;  // ECHILD: nobody is left
    if (info.si_pid != 0) continue;
    if (Clock::now() > deadline) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

class Join {
 public:
  Join(LaunchPlan plan, RunningTarget target) : plan_(std::move(plan)), target_(std::move(target)) {}
  ~Join() { undo(); }
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;

  Result<JoinReport> run() {
    SBX_TRY(prepare());        // 1
    SBX_TRY(clone_child());    // 2 a process like any other of the caller's, which waits
    SBX_TRY(enter_cgroup());   // 3 within the sandbox's limits, before it is anything else
    SBX_TRY(await_start());    // 4 namespaces, confinement, exec
    SBX_TRY(watch_over());     // 5
    return finish();           // 6
  }

 private:
  Result<> prepare();
  Result<> clone_child();
  Result<> enter_cgroup();
  Result<> await_start();
  Result<> hear_signal();
  Result<> take(Received& received, bool& started);
  Result<> watch_over();
  Result<JoinReport> finish();
  Result<> tell(MessageKind kind) { return sbx::tell(channel_.parent.get(), kind); }
  Error gone() const;
  void undo();

  const LaunchPlan plan_;
  const RunningTarget target_;
  ChildProgram program_;
  std::optional<BlockedSignals> signals_;
  std::optional<Cgroup> cgroup_;
  std::uint64_t oom_kills_ = 0;  // before
  Channel channel_;
  UniqueFd pidfd_;
  pid_t pid_ = -1;
  std::optional<Terminal> terminal_;
  std::optional<TerminalGuard> terminal_guard_;
  Events events_;
  Watch watch_;
};

Error Join::gone() const {
  return {Step::join_namespaces, ErrorKind::host, 0, cat("sandbox ", target_.name, " has ended"), "see sbx ps for those that run"};
}

Result<> Join::prepare() {
  int closed = 0;
  if (const int error = fill_standard_descriptors(&closed); error != 0)
    return fail_errno(Step::open_sources, -error, cat("/dev/null for the closed file descriptor ", closed));
  SBX_ASSIGN(program_, make_child_program(plan_));
  program_.joins = true;
  program_.new_pid_namespace = false;  // its init isn't the namespace's
  program_.waits_for_maps = program_.maps_itself = false;
  program_.file_mode_mask = target_.file_mode_mask;
  for (const UniqueFd& fd : target_.namespaces) program_.namespaces.push_back(fd.get());
  SBX_ASSIGN(program_.own_terminal, Terminal::wanted(plan_.terminal));
  if (!program_.own_terminal) terminal_guard_.emplace();
  program_.waits_for_acknowledge = program_.own_terminal;
  if (!target_.cgroup.empty()) {
    SBX_ASSIGN(cgroup_, Cgroup::open(target_.cgroup));
    oom_kills_ = cgroup_->statistics().oom_kills.value_or(0);
  }
  // Should the child be killed its command becomes this one's, to be reaped at once: until then the sandbox's pid namespace
  // can't end (pid_namespaces(7)).
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  SBX_ASSIGN(channel_, make_channel(false));
  program_.channel = channel_.child.get();
  program_.parent_channel = channel_.parent.get();
  program_.highest_descriptor = highest_to_close() + 64;
  auto blocked = BlockedSignals::block();
  if (!blocked) return fail(std::move(blocked).error());
  signals_.emplace(*std::move(blocked));
  return {};
}

Result<> Join::clone_child() {
  if (const int error = fault_at(Step::clone_init); error != 0) return fail_errno(Step::clone_init, error, "clone");
  CloneRequest request{0, cgroup_ ? cgroup_->fd() : -1};
  int pidfd = -1;
  pid_t pid = clone_process(request, &pidfd);
  if (pid < 0 && request.cgroup >= 0 && pid != -EAGAIN && pid != -ENOMEM) {
    // Too old a kernel, or no right to move from the caller's cgroup to the sandbox's: it is brought there afterwards.
    request.cgroup = -1;
    pid = clone_process(request, &pidfd);
  }
  if (pid == 0) run_joiner(program_);
  if (pid < 0) return fail_errno(Step::clone_init, -pid, "clone", pid == -EAGAIN ? "raise cgroup.pids.max or the limit of processes (ulimit -u)" : "");
  pid_ = pid;
  pidfd_.reset(pidfd);
  channel_.child.reset();
  return {};
}

// Fails closed: a command that can't be brought into the cgroup doesn't run.
Result<> Join::enter_cgroup() {
  if (const int error = fault_at(Step::join_cgroup); error != 0) return fail_errno(Step::join_cgroup, error, target_.cgroup);
  if (cgroup_) {
    SBX_ASSIGN(auto path, cgroup_of(pid_));
    if (path != target_.cgroup) {
      // The kernel wants the right to write in the cgroup that both lie in (cgroups(7), delegation containment): root has
      // it, and within the user's manager the user. Out of a login session's scope only the manager moves it.
      if (!cgroup_->write("cgroup.procs", std::to_string(pid_)))
        SBX_TRY(attach_process(target_.cgroup, pid_, Clock::now() + attach_patience));
      SBX_ASSIGN(path, cgroup_of(pid_));
    }
    if (path != target_.cgroup)
      return fail(Step::join_cgroup, ErrorKind::host, cat("the command is in cgroup ", path, ", not in ", target_.cgroup),
                  "see the service manager's journal");
  }
  return tell(MessageKind::open_gate);
}

Result<> Join::take(Received& received, bool& started) {
  switch (received.message.kind) {
    case MessageKind::failed:
      // What fails in a sandbox that ends meanwhile fails for that.
      return fail(has_ended(target_.init) ? gone() : explain_failure(received.message, program_));
    case MessageKind::terminal: {
      if (received.descriptors.size() != 1) return fail(Step::open_terminal, ErrorKind::internal, "the sandbox sent no terminal");
      auto terminal = Terminal::attach(std::move(received.descriptors.front()));
      if (!terminal) return fail(std::move(terminal).error());
      terminal_.emplace(*std::move(terminal));
      return tell(MessageKind::attached);
    }
    case MessageKind::started:
      started = true;
      if (terminal_) terminal_->start();
      return {};
    default: return fail(Step::wait_gate, ErrorKind::internal, "the sandbox spoke out of turn");
  }
}

Result<> Join::hear_signal() {
  signalfd_siginfo info;
  if (::read(signals_->fd(), &info, sizeof info) != sizeof info) return {};
  const int signal = static_cast<int>(info.ssi_signo);
  if (signal != SIGINT && signal != SIGTERM && signal != SIGHUP && signal != SIGQUIT) return {};
  return fail(Step::join_namespaces, ErrorKind::host, cat("signal ", signal, " came before the command was started"));
}

Result<> Join::await_start() {
  const auto deadline = Clock::now() + setup_patience;
  for (bool started = false; !started;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    // A payload may hold its new neighbour up by SIGSTOP: the user need not wait for the deadline.
    pollfd entries[] = {{channel_.parent.get(), POLLIN, 0}, {signals_->fd(), POLLIN, 0}};
    static_cast<void>(::poll(entries, 2, static_cast<int>(std::max<std::int64_t>(left, 0))));
    if (entries[1].revents != 0) SBX_TRY(hear_signal());
    if (entries[0].revents == 0 && left > 0) continue;
    SBX_ASSIGN(auto received, receive(channel_.parent.get(), 0));
    if (received.closed) {
      // As soon as the sandbox's first process has ended, so has the one that joined.
      if (has_ended(target_.init)) return fail(gone());
      undo();
      return fail(Step::join_namespaces, ErrorKind::host, "the command's process was killed while it entered the sandbox",
                  "see the kernel's log for a kill for memory, and raise the sandbox's cgroup.memory.max");
    }
    SBX_TRY(take(received, started));
  }
  return {};
}

Result<> Join::watch_over() {
  // The kernel ends the command with the pid namespace; where the sandbox has none this does.
  SBX_TRY(events_.add(target_.init, EPOLLIN, [this](std::uint32_t) {
    events_.remove(target_.init);
    static_cast<void>(tell(MessageKind::kill_payload));
  }));
  const Watched watched{channel_.parent.get(), pidfd_.get(), signals_->fd(), plan_.limits, terminal_ ? &*terminal_ : nullptr, &events_};
  SBX_ASSIGN(watch_, watch(watched));
  return {};
}

Result<JoinReport> Join::finish() {
  if (terminal_) terminal_->drain(drain_ms);
  terminal_.reset();
  terminal_guard_.reset();
  JoinReport report;
  if (cgroup_) report.out_of_memory = cgroup_->statistics().oom_kills.value_or(0) > oom_kills_;
  if (program_.waits_for_acknowledge && watch_.ended) static_cast<void>(tell(MessageKind::acknowledge));
  channel_.parent.reset();
  siginfo_t info{};
  rusage usage{};
  if (const int error = wait_child(pidfd_.get(), pid_, &info, &usage); error != 0)
    return fail_errno(Step::monitor, -error, "wait for the command");
  pid_ = -1;
  reap_orphans();
  const int code = watch_.ended ? watch_.code : info.si_code;
  const int status = watch_.ended ? watch_.status : info.si_status;
  if (code != CLD_EXITED) report.signal = status;
  report.status = code == CLD_EXITED ? status : 128 + status;
  // The namespace's end kills the command a moment before init's end is seen.
  if (report.signal == SIGKILL && !has_ended(target_.init)) {
    pollfd entry{target_.init, POLLIN, 0};
    static_cast<void>(::poll(&entry, 1, 100));
  }
  report.sandbox_ended = has_ended(target_.init);
  report.out_of_memory = report.out_of_memory && report.signal == SIGKILL;
  return report;
}

void Join::undo() {
  if (pid_ <= 0) return;
  if (pidfd_signal(pidfd_.get(), SIGKILL) != 0) ::kill(pid_, SIGKILL);
  siginfo_t info{};
  rusage usage{};
  static_cast<void>(wait_child(pidfd_.get(), pid_, &info, &usage));
  pid_ = -1;
  reap_orphans();
}

}  // namespace

Result<JoinReport> join_sandbox(LaunchPlan plan, RunningTarget target) {
  Join join(std::move(plan), std::move(target));
  return join.run();
}

}  // namespace sbx
