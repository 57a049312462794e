#include "state/control.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "base/text.h"
#include "base/unique_fd.h"
#include "kernel/kernel_file.h"
#include "kernel/pidfd.h"
#include "spec/cgroup_values.h"
#include "state/usage.h"
#include "systemd/unit_control.h"
#include "systemd/unit_property.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto manager_patience = std::chrono::seconds(10);
constexpr auto kernel_patience = std::chrono::seconds(5);
constexpr auto pause = std::chrono::milliseconds(2);
constexpr auto farewell = std::chrono::seconds(2);  // between the end of init and that of its launcher

bool is_frozen(const Cgroup& cgroup) {
  return flat_keyed_value(cgroup.read("cgroup.events").value_or(std::string()), "frozen").value_or(0) == 1;
}

// The processes of a sandbox without a cgroup, each held by a pidfd before its ancestry is looked at again.
Result<> signal_descendants(const RunningSandbox& sandbox, int signal) {
  UsageReader reader;
  for (const auto pid : reader.processes(sandbox)) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
    if (!process) continue;
    UsageReader again;
    const auto now = again.processes(sandbox);
    if (!sandbox.alive()) return {};
    if (std::ranges::find(now, pid) == now.end()) continue;
    if (const int error = pidfd_signal(process.get(), signal); error != 0 && error != -ESRCH)
      return fail_errno(Step::control_sandbox, -error, cat("signal ", signal, " to process ", pid, " of sandbox ", sandbox.entry().name));
  }
  return {};
}

// In a pid namespace below the caller's, and so none of sbx's own helpers, which may share the cgroup: they have one number
// in "NSpid:" (proc_pid_status(5)).
bool is_inside(std::uint64_t pid) {
  const auto status = read_kernel_file(cat("/proc/", pid, "/status"));
  const auto at = status.find("\nNSpid:\t");
  return at != std::string::npos && status.substr(at + 8, status.find('\n', at + 1) - at - 8).find('\t') != std::string::npos;
}

Result<> signal_members(const RunningSandbox& sandbox, const Cgroup& cgroup, int signal) {
  SBX_ASSIGN(const auto members, cgroup.read("cgroup.procs"));
  UsageReader reader;
  const auto descendants = reader.processes(sandbox);
  for (const auto line : split(members, '\n')) {
    const auto pid = parse_number(line);
    if (!pid || *pid < 2 || static_cast<pid_t>(*pid) == sandbox.init()) continue;
    if (!is_inside(*pid) && std::ranges::find(descendants, static_cast<std::int64_t>(*pid)) == descendants.end()) continue;
    // The pid may be another process's by now: the pidfd pins it down, and then its cgroup tells.
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(*pid), 0)));
    if (!process) continue;
    if (const auto now = cgroup_of(static_cast<pid_t>(*pid)); !now || !is_at_or_below(*now, cgroup.path())) continue;
    if (const int error = pidfd_signal(process.get(), signal); error != 0 && error != -ESRCH)
      return fail_errno(Step::control_sandbox, -error, cat("signal ", signal, " to process ", *pid, " of sandbox ", sandbox.entry().name));
  }
  return {};
}

Error gone(const RunningSandbox& sandbox) {
  return {Step::control_sandbox, ErrorKind::system, ESRCH, cat("sandbox ", sandbox.entry().name, " has ended"), {}};
}

}  // namespace

Result<> signal_all(const RunningSandbox& sandbox, int signal) {
  if (signal == SIGKILL) return end_now(sandbox);
  const auto cgroup = sandbox.cgroup();
  return cgroup ? signal_members(sandbox, *cgroup, signal) : signal_descendants(sandbox, signal);
}

Result<> end_now(const RunningSandbox& sandbox) {
  if (const auto cgroup = sandbox.cgroup())
    if (cgroup->kill()) return {};
  return sandbox.signal(SIGKILL);
}

Result<> set_frozen(const RunningSandbox& sandbox, bool frozen) {
  const auto& entry = sandbox.entry();
  SBX_ASSIGN(const auto cgroup, sandbox.cgroup());
  auto written = cgroup.write("cgroup.freeze", frozen ? "1" : "0");
  if (!written) {
    if (entry.scope.empty()) return written;
    SBX_TRY(freeze_unit(entry.scope, frozen, entry.system_manager, Clock::now() + manager_patience));
  }
  const auto deadline = Clock::now() + kernel_patience;
  while (is_frozen(cgroup) != frozen) {
    if (!sandbox.alive()) return fail(gone(sandbox));
    if (Clock::now() > deadline)
      return fail(Step::control_sandbox, ErrorKind::host, cat("sandbox ", entry.name, frozen ? " isn't frozen yet: a process of it is in an uninterruptible wait" : " is still frozen"),
                  frozen ? "see which: sbx inspect; sbx thaw takes it back" : "see whether its slice is frozen");
    std::this_thread::sleep_for(pause);
  }
  return {};
}

Result<std::vector<LimitReading>> update_limits(const RunningSandbox& sandbox, const CgroupSpec& limits) {
  const auto& entry = sandbox.entry();
  SBX_ASSIGN(const auto cgroup, sandbox.cgroup());
  if (entry.scope.empty()) {
    SBX_TRY(write_limits(cgroup, limits));
  } else {
    SBX_TRY(set_unit_properties(entry.scope, limit_properties(limits), entry.system_manager, Clock::now() + manager_patience));
  }
  // The manager writes the files after its answer.
  const auto deadline = Clock::now() + kernel_patience;
  for (;;) {
    auto readings = read_limits(cgroup, limits);
    if (!sandbox.alive()) return fail(gone(sandbox));
    if (const auto held = require_limits(readings)) return readings;
    else if (Clock::now() > deadline) return fail(held.error());
    std::this_thread::sleep_for(pause);
  }
}

bool await_end(const Registry& registry, const std::vector<const RunningSandbox*>& sandboxes, Clock::time_point deadline) {
  std::vector<pollfd> entries;
  for (const auto* sandbox : sandboxes) entries.push_back({sandbox->pidfd(), POLLIN, 0});
  const auto waiting = [&] { return std::ranges::any_of(entries, [](const pollfd& entry) { return entry.fd >= 0; }); };
  while (waiting()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    if (::poll(entries.data(), entries.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000))) < 0 && errno != EINTR) return false;
    for (auto& entry : entries)
      if ((entry.revents & POLLIN) != 0) entry.fd = -1;
  }
  // The launcher takes the entry out a moment later. One that was killed doesn't: whoever lists next sweeps it.
  const auto patience = std::min(deadline, Clock::now() + farewell);
  for (const auto* sandbox : sandboxes)
    for (auto file = registry.read(sandbox->id()); file && !registry.sweep(*file) && Clock::now() < patience; file = registry.read(sandbox->id()))
      std::this_thread::sleep_for(pause);
  return true;
}

}  // namespace sbx
