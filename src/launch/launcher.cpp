#include "launch/launcher.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/fault.h"
#include "base/text.h"
#include "kernel/clone.h"
#include "kernel/descriptors.h"
#include "kernel/idmap.h"
#include "kernel/namespace.h"
#include "kernel/pidfd.h"
#include "kernel/probe.h"
#include "launch/channel.h"
#include "launch/child.h"
#include "launch/child_program.h"
#include "launch/explain_failure.h"
#include "launch/janitor.h"
#include "launch/launch_cgroup.h"
#include "launch/monitor.h"
#include "launch/persistent_home.h"
#include "launch/receipt.h"
#include "launch/terminal.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;
// Long enough for a slow service manager or a network file system; short enough not to be taken for a hang.
constexpr auto scope_patience = std::chrono::seconds(30);
constexpr auto setup_patience = std::chrono::seconds(60);
constexpr int drain_ms = 1000;  // for the last output of the payload, with nobody left to write more

std::uint64_t microseconds(Clock::duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

// As CLOCK_MONOTONIC gives it, which libstdc++'s steady clock is: the child's times are of the same.
std::uint64_t nanoseconds(Clock::time_point time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

int remaining_ms(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

// One launch, in numbered phases. Whatever is made is undone by the destructor unless the end did it.
class Launch {
 public:
  Launch(LaunchPlan plan, const LaunchOptions& options) : plan_(std::move(plan)), options_(options), cgroup_(plan_) {
    report_.losses = plan_.losses;
    report_.steps = options_.steps_before;
  }
  ~Launch() { undo(); }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  Result<ExitReport> run() {
    SBX_TRY(prepare());            // 1 what the sandbox is made of
    SBX_TRY(clone_child());        // 2 the child, which waits
    SBX_TRY(request_scope());      // 3 in parallel with its mounts
    SBX_TRY(map_ids());            // 4
    SBX_TRY(attend(&Companion::cloned));
    SBX_TRY(open_gate());          // 5 once the limits hold
    SBX_TRY(await_start());        // 6 terminal, receipt, exec
    SBX_TRY(watch_over());         // 7
    return finish();               // 8
  }

 private:
  Result<> prepare();
  Result<> start_helpers();
  Result<> clone_child();
  Result<> request_scope();
  Result<> map_ids();
  Result<> attend(std::function<Result<>(const HeldSandbox&)> Companion::* hook);
  Result<> tell(MessageKind kind) { return sbx::tell(channel_.parent.get(), kind); }
  Result<> open_gate();
  Result<> verify_limits();
  Result<> await_start();
  Result<> take(Received& received, bool& started);
  Result<> read_receipt();
  Result<> watch_over();
  void settle(Received received);
  Result<ExitReport> finish();
  void note(Step step, Clock::time_point since) {
    report_.steps.add(step, nanoseconds(since), nanoseconds(Clock::now()));
  }
  void status_line(const std::string& line) const;
  Error death_in_setup();
  void kill_init();
  void undo();

  const LaunchPlan plan_;
  const LaunchOptions& options_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point exec_ = begin_;
  ChildProgram program_;
  std::optional<BlockedSignals> signals_;
  Janitor janitor_;  // undone last but for the signals
  LaunchCgroup cgroup_;
  Channel channel_;
  UniqueFd pidfd_;
  std::vector<HelperProcess> helpers_;
  UniqueFd user_namespace_, network_namespace_;  // where a companion needs them
  std::optional<Terminal> terminal_;
  std::optional<TerminalGuard> terminal_guard_;  // where the payload has the caller's own
  bool has_limits_ = false;
  pid_t pid_ = -1;       // init's, until it was waited for
  std::optional<ReceiptReader> receipt_;
  std::vector<UniqueFd> namespaces_;  // init's, by which others come in
  pid_t payload_ = -1;   // where the payload announced itself
  Watch watch_;
  ExitReport report_;
};

Result<> Launch::prepare() {
  if (const int error = fault_at(Step::open_sources); error != 0) return fail_errno(Step::open_sources, error, "sources");
  int closed = 0;
  if (const int error = fill_standard_descriptors(&closed); error != 0)
    return fail_errno(Step::open_sources, -error, cat("/dev/null for the closed file descriptor ", closed));
  SBX_TRY(make_persistent_home(plan_.persistent_home));
  SBX_ASSIGN(program_, make_child_program(plan_));
  SBX_ASSIGN(program_.own_terminal, Terminal::wanted(plan_.terminal));
  if (!program_.own_terminal) terminal_guard_.emplace();
  program_.output = options_.output, program_.error = options_.error;
  SBX_TRY(cgroup_.make());
  has_limits_ = !std::holds_alternative<std::monostate>(plan_.cgroup);
  program_.waits_at_gate = has_limits_ || std::ranges::any_of(options_.companions, [](const Companion& one) { return one.held || one.cloned; });
  // A terminal too: when init, its session's leader, ends, what nobody has read yet is thrown away.
  program_.waits_for_acknowledge = has_limits_ || program_.own_terminal;
  program_.waits_for_release = options_.receipt || !plan_.require.empty();
  program_.announces = options_.status_fd >= 0 || program_.waits_for_release;
  SBX_ASSIGN(channel_, make_channel(program_.announces));
  program_.notify_socket = options_.notify_socket;
  program_.adopts_daemon = static_cast<bool>(options_.on_daemon);
  program_.channel = channel_.child.get();
  program_.parent_channel = channel_.parent.get();
  program_.highest_descriptor = std::max(highest_to_close(), channel_.child.get()) + 64;  // with room for what follows
  auto blocked = BlockedSignals::block();
  if (!blocked) return fail(std::move(blocked).error());
  signals_.emplace(*std::move(blocked));
  SBX_TRY(start_helpers());
  SBX_ASSIGN(janitor_, Janitor::start(plan_.placeholders));
  program_.lifeline = janitor_.lifeline();
  return {};
}

Result<> Launch::start_helpers() {
  for (const Companion& companion : options_.companions) {
    if (companion.needs_namespaces && program_.new_user_namespace) {
      // A child that maps itself would be on its way, and no longer dumpable, before anybody looks.
      program_.maps_itself = false;
      program_.waits_for_maps = true;
    }
    if (!companion.forked) continue;
    SBX_ASSIGN(const auto helper, companion.forked());
    helpers_.push_back(helper);
    SBX_TRY(cgroup_.move(helper.pid));
  }
  return {};
}

Result<> Launch::clone_child() {
  const auto since = Clock::now();
  if (const int error = fault_at(Step::clone_init); error != 0) return fail_errno(Step::clone_init, error, "clone");
  CloneRequest request{plan_.clone_flags, cgroup_.clone_into()};
  int pidfd = -1;
  pid_t pid = clone_process(request, &pidfd);
  const bool move = pid == -ENOSYS && request.cgroup >= 0;
  if (move) {
    request.cgroup = -1;
    pid = clone_process(request, &pidfd);
  }
  if (pid == 0) run_child(program_);
  if (pid < 0) {
    const Obstacle obstacle = program_.new_user_namespace ? why_no_user_namespace(-pid) : Obstacle{};
    if (!obstacle.cause.empty()) return fail(Error{Step::clone_init, ErrorKind::host, -pid, obstacle.cause, obstacle.remedy});
    return fail_errno(Step::clone_init, -pid, "clone", pid == -EAGAIN ? "raise the limit of processes (ulimit -u)" : "");
  }
  pid_ = pid;
  pidfd_.reset(pidfd);
  channel_.child.reset();
  note(Step::clone_init, since);
  if (std::ranges::any_of(options_.companions, &Companion::needs_namespaces))
    for (const auto& [name, fd] : {std::pair{"user", &user_namespace_}, std::pair{"net", &network_namespace_}}) {
      const std::string path = cat("/proc/", pid_, "/ns/", name);
      fd->reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (!*fd) return fail_errno(Step::clone_init, errno, path);
    }
  return move ? cgroup_.move(pid_) : Result<>{};
}

Result<> Launch::request_scope() {
  return cgroup_.request(pid_, pidfd_.get(), helpers_, Clock::now() + scope_patience,
                         [this] { return tell(MessageKind::scope_asked); });
}

Result<> Launch::map_ids() {
  if (!program_.waits_for_maps) return {};
  const auto since = Clock::now();
  if (const int error = fault_at(Step::write_id_maps); error != 0) return fail_errno(Step::write_id_maps, error, "uid_map");
  if (plan_.ids.helpers) {
    const auto words = [](const std::vector<IdMap>& maps) {
      std::vector<std::string> list;
      for (const auto& map : maps)
        for (const auto number : {map.inside, map.outside, map.count}) list.push_back(std::to_string(number));
      return list;
    };
    SBX_TRY(write_id_maps_by_helpers(pid_, words(plan_.ids.uid_map), words(plan_.ids.gid_map)));
  } else {
    const std::string directory = cat("/proc/", pid_);
    const int error = write_id_maps(directory.c_str(), plan_.ids.deny_setgroups, program_.uid_map.c_str(), program_.gid_map.c_str());
    if (error != 0) {
      const Obstacle obstacle = why_no_user_namespace(-error);
      return fail_errno(Step::write_id_maps, -error, obstacle.cause.empty() ? cat(directory, "/uid_map") : obstacle.cause, obstacle.remedy);
    }
  }
  note(Step::write_id_maps, since);
  return tell(MessageKind::maps_written);
}

Result<> Launch::attend(std::function<Result<>(const HeldSandbox&)> Companion::* hook) {
  for (const Companion& companion : options_.companions)
    if (companion.*hook) SBX_TRY((companion.*hook)({plan_, pid_, pidfd_.get(), cgroup_.cgroup(), cgroup_.scope_name(), user_namespace_.get(), network_namespace_.get()}));
  return {};
}

Result<> Launch::open_gate() {
  if (!program_.waits_at_gate) return {};
  if (has_limits_) SBX_TRY(verify_limits());
  SBX_TRY(attend(&Companion::held));
  return tell(MessageKind::open_gate);
}

Result<> Launch::verify_limits() {
  const auto since = Clock::now();
  auto held = cgroup_.verify(pid_, Clock::now() + scope_patience, [this](const Loss& loss) { report_.losses.push_back(loss); });
  note(Step::start_scope, since);
  if (!held) {
    // A child that failed meanwhile took the scope with it: then that is the cause.
    if (auto received = receive(channel_.parent.get(), 0); received && received->message.kind == MessageKind::failed && !received->closed)
      return fail(explain_failure(received->message, program_));
    return held;
  }
  return {};
}

Result<> Launch::take(Received& received, bool& started) {
  switch (received.message.kind) {
    case MessageKind::failed: return fail(explain_failure(received.message, program_));
    case MessageKind::terminal: {
      if (received.descriptors.size() != 1) return fail(Step::open_terminal, ErrorKind::internal, "the sandbox sent no terminal");
      auto terminal = Terminal::attach(std::move(received.descriptors.front()));
      if (!terminal) return fail(std::move(terminal).error());
      terminal_.emplace(*std::move(terminal));
      return tell(MessageKind::attached);
    }
    case MessageKind::waiting: {
      payload_ = received.sender;
      status_line(cat("{\"pid\":", payload_, "}\n"));
      return program_.waits_for_release ? read_receipt() : Result<>{};
    }
    case MessageKind::readable: {
      receipt_.emplace(plan_, received.sender);
      receipt_->before_filter();
      return tell(MessageKind::looked);
    }
    case MessageKind::started:
      started = true;
      // A short payload may be over before its start is heard of here.
      exec_ = Clock::time_point(std::chrono::nanoseconds(received.exec_ns));
      if (terminal_) terminal_->start();
      report_.steps.add(received.times);
      return {};
    default: return fail(Step::wait_gate, ErrorKind::internal, "the sandbox spoke out of turn");
  }
}

// Between the payload's last step of set-up and exec: it goes on only where nothing that is required is missing.
Result<> Launch::read_receipt() {
  if (!receipt_) return fail(Step::verify_receipt, ErrorKind::internal, "the sandbox spoke out of turn");
  report_.receipt = receipt_->after_filter(cgroup_.readable());
  receipt_.reset();
  for (const Companion& companion : options_.companions)
    if (companion.receipt) std::ranges::move(companion.receipt(), std::back_inserter(report_.receipt));
  SBX_TRY(require_receipt(report_.receipt, plan_.require));
  return tell(MessageKind::release);
}

Result<> Launch::await_start() {
  const auto deadline = Clock::now() + setup_patience;
  for (bool started = false; !started;) {
    SBX_ASSIGN(auto received, receive(channel_.parent.get(), remaining_ms(deadline)));
    if (received.closed) return fail(death_in_setup());
    SBX_TRY(take(received, started));
  }
  if (!terminal_) leave_standard_pipes();
  report_.setup_time_us = microseconds(exec_ - begin_);
  report_.exec_ns = nanoseconds(exec_);
  report_.scope = cgroup_.scope_name();
  if (options_.on_losses && !report_.losses.empty()) options_.on_losses(report_.losses);
  for (const Companion& companion : options_.companions)
    if (companion.started) companion.started({report_.setup_time_us, report_});
  return {};
}

Error Launch::death_in_setup() {
  siginfo_t info{};
  rusage usage{};
  kill_init();
  if (wait_child(pidfd_.get(), pid_, &info, &usage) != 0) return explain_silence(CLD_KILLED, SIGKILL);
  pid_ = -1;
  return explain_silence(info.si_code, info.si_status);
}

Result<> Launch::watch_over() {
  Watched watched{channel_.parent.get(), pidfd_.get(), signals_->fd(), plan_.limits, terminal_ ? &*terminal_ : nullptr, options_.events, &options_.on_daemon};
  if (std::ranges::any_of(options_.companions, [](const Companion& one) { return static_cast<bool>(one.settled); })) {
    watched.on_settled = [this] { static_cast<void>(tell(MessageKind::share_namespaces)); };
    watched.on_namespaces = [this](Received received) { settle(std::move(received)); };
  }
  SBX_ASSIGN(watch_, watch(watched));
  report_.wall_time_us = microseconds(Clock::now() - exec_);
  return {};
}

void Launch::settle(Received received) {
  if (!namespaces_.empty()) return;
  namespaces_ = std::move(received.descriptors);
  std::vector<NamespaceFd> named;
  for (std::size_t i = 0; i < namespace_kinds.size() && named.size() < namespaces_.size(); ++i)
    if ((received.message.detail & (1 << i)) != 0) named.push_back({namespace_kinds[i].name, namespaces_[named.size()].get()});
  for (const Companion& companion : options_.companions)
    if (companion.settled) companion.settled({named, program_.file_mode_mask});
}

Result<ExitReport> Launch::finish() {
  // While init still holds the cgroup: the service manager removes it once it is empty.
  if (const Cgroup* cgroup = cgroup_.readable()) report_.cgroup = cgroup->statistics();
  if (terminal_) terminal_->drain(drain_ms);
  terminal_.reset();
  terminal_guard_.reset();
  if (program_.waits_for_acknowledge && watch_.ended) {
    Message message{};
    message.kind = MessageKind::acknowledge;
    static_cast<void>(send(channel_.parent.get(), message));
  }
  channel_.parent.reset();
  siginfo_t info{};
  rusage usage{};
  if (const int error = wait_child(pidfd_.get(), pid_, &info, &usage); error != 0)
    return fail_errno(Step::monitor, -error, "wait for the sandbox");
  pid_ = -1;
  const int code = watch_.ended ? watch_.code : info.si_code;
  const int status = watch_.ended ? watch_.status : info.si_status;
  const auto time_us = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000U + static_cast<std::uint64_t>(time.tv_usec);
  };
  report_.user_time_us = time_us(usage.ru_utime);
  report_.system_time_us = time_us(usage.ru_stime);
  report_.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024U;
  report_.scope = cgroup_.scope_name();
  if (code == CLD_EXITED) report_.exit_code = status;
  else report_.ending = Ending::signalled, report_.signal = status;
  if (const CgroupSpec* limits = limits_of(plan_.cgroup)) report_.limits = *limits;
  judge_memory(watch_, report_);
  if (watch_.timed_out) report_.ending = Ending::timed_out;
  for (const Companion& companion : options_.companions)
    if (companion.losses) std::ranges::move(companion.losses(), std::back_inserter(report_.losses));
  status_line(cat("{\"exit-code\":", exit_status(report_), "}\n"));
  cgroup_.end(false);
  for (const Companion& companion : options_.companions)
    if (companion.ended) companion.ended(report_);
  return std::move(report_);
}

void Launch::status_line(const std::string& line) const {
  // A reader that went away is no reason to end the sandbox; SIGPIPE is blocked.
  if (options_.status_fd >= 0 && ::write(options_.status_fd, line.data(), line.size()) < 0) return;
}

void Launch::kill_init() {
  // Its pid is its own as long as it wasn't waited for: good enough where a filter hides pidfd_send_signal(2).
  if (pidfd_signal(pidfd_.get(), SIGKILL) != 0) ::kill(pid_, SIGKILL);
}

void Launch::undo() {
  if (pid_ > 0) {
    cgroup_.end(true);  // before init's end: a scope whose process died too early isn't over by itself
    kill_init();
    siginfo_t info{};
    rusage usage{};
    static_cast<void>(wait_child(pidfd_.get(), pid_, &info, &usage));
    pid_ = -1;
  } else {
    cgroup_.end(false);
  }
}

}  // namespace

Result<ExitReport> launch(LaunchPlan plan, const LaunchOptions& options) {
  Launch launch(std::move(plan), options);
  return launch.run();
}

}  // namespace sbx
