// What stands beside a launch: the registry, a network helper, a relay. Told of the launch's course by the parent.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/result.h"
#include "kernel/cgroup.h"
#include "launch/exit_report.h"
#include "plan/launch_plan.h"

namespace sbx {

// A sandbox whose init exists and whose payload has not started.
struct HeldSandbox {
  const LaunchPlan& plan;
  pid_t init;             // in the caller's pid namespace; the launcher reaps it
  int pidfd;              // borrowed
  const Cgroup* cgroup;   // null: none, or not known yet
  std::string scope;      // the unit's name; empty: none
  // Init's, for a companion that needs_namespaces; borrowed. Later nobody can open them: init is no longer dumpable.
  int user_namespace = -1, network_namespace = -1;
};
// A process outside of the sandbox that works for it, and so lives in its cgroup and counts towards its limits.
struct HelperProcess {
  pid_t pid = -1;
  int pidfd = -1;  // the companion's, which also reaps it
};
struct StartedSandbox {
  std::uint64_t setup_time_us;
  const ExitReport& report;  // what is known so far: step times, losses, receipt
};

struct NamespaceFd {
  std::string_view kind;  // "user", "mnt", ... as in /proc/PID/ns
  int fd;                 // the launcher's, open to its end
};
// A sandbox that has lived for a moment.
struct SettledSandbox {
  std::span<const NamespaceFd> namespaces;  // by which others come in; empty: init has no /proc to take them from
  std::uint32_t file_mode_mask;             // the payload's umask at its start
};

// Each function may be empty. An error of the first three stops the launch, before the payload has run. After a launch that
// failed `ended` isn't called: what was set up is undone by its owner's destructor.
struct Companion {
  // Right after the clone and the id maps, while the child mounts and the service manager works: start what takes time.
  std::function<Result<>(const HeldSandbox&)> cloned;
  // The limits hold, the child waits at its gate: wait for what must stand before the payload starts.
  std::function<Result<>(const HeldSandbox&)> held;
  // The payload runs.
  std::function<void(const StartedSandbox&)> started;
  // It still runs after a moment (settled_ms): what a short run need not pay for.
  std::function<void(const SettledSandbox&)> settled = {};
  // The sandbox is gone, its cgroup may be.
  std::function<void(const ExitReport&)> ended;

  bool needs_namespaces = false;
  // Before the clone: makes a process that waits to be told more, since the scope is asked for with all its processes.
  std::function<Result<HelperProcess>()> forked = {};
  // Lines of the receipt, read back while the payload waits; and what was lost while it ran, asked for at the end.
  std::function<std::vector<ReceiptItem>()> receipt = {};
  std::function<std::vector<Loss>()> losses = {};
};

}  // namespace sbx
