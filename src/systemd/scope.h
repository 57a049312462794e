// A transient scope from the user's or the system's service manager, over sd-bus (libsystemd by dlopen).
#pragma once
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "systemd/unit_property.h"

namespace sbx {

struct TransientScope {
  std::string name, slice, description;
  std::vector<UnitProperty> properties;  // see scope_properties()
  struct Process {
    pid_t pid = 0;
    int pidfd = -1;  // borrowed; used where the manager takes PIDFDs (systemd 254), else pid
  };
  std::vector<Process> processes;        // those the scope is made around
};

// The call in flight. Made by start_scope once the request is written; wait() returns when JobRemoved says "done".
// Destroying it closes the bus and unloads libsystemd: do so before waiting for the payload.
class ScopeJob {
 public:
  ScopeJob();
  ScopeJob(ScopeJob&&) noexcept;
  ScopeJob& operator=(ScopeJob&&) noexcept;
  ~ScopeJob();
  // Waits until the job is done; fails at the deadline, on a failed job, when the bus goes away.
  Result<> wait(std::chrono::steady_clock::time_point deadline);
  // StopUnit, for a launch that failed after the scope was asked for: waits at most two seconds for the manager to take
  // the order, and not for the unit to stop. The job is over then.
  void abandon();
  struct Impl;
  explicit ScopeJob(std::unique_ptr<Impl>);

 private:
  std::unique_ptr<Impl> impl_;
};

// Connects (system manager: the system bus or its private socket; user manager: $XDG_RUNTIME_DIR/bus, else
// /run/user/UID/bus), adds the JobRemoved match, sends StartTransientUnit with mode "fail". Doesn't wait for a reply.
// `announce` is called before the request is written.
Result<ScopeJob> start_scope(const TransientScope& scope, bool system_manager, std::chrono::steady_clock::time_point deadline,
                             const std::function<Result<>()>& announce);

}  // namespace sbx
