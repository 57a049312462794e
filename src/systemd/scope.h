// A transient scope from the user's or the system's service manager, over sd-bus (libsystemd by dlopen).
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"

namespace sbx {

// One property of StartTransientUnit, typed as org.freedesktop.systemd1(5) says.
struct UnitProperty { std::string name; enum class Type : char { string = 's', boolean = 'b', uint64 = 't', int32 = 'i' } type; std::string text; std::uint64_t number = 0; };

struct TransientScope {
  std::string name, slice, description;
  std::vector<UnitProperty> properties;  // MemoryMax and the like
  pid_t pid = 0;                         // the process the scope is made around
  int pidfd = -1;                        // borrowed; used where the manager takes PIDFDs (systemd 254), else pid
};

// The call in flight. Made by start_scope once the request is written; wait() returns when JobRemoved says "done".
class ScopeJob {
 public:
  ScopeJob();
  ScopeJob(ScopeJob&&) noexcept;
  ScopeJob& operator=(ScopeJob&&) noexcept;
  ~ScopeJob();
  // Waits until the job is done; fails at the deadline, on a failed job, when the bus goes away.
  Result<> wait(std::chrono::steady_clock::time_point deadline);
  // StopUnit, without waiting for it: for a launch that failed after the scope was made.
  void abandon();
  struct Impl;
  explicit ScopeJob(std::unique_ptr<Impl>);

 private:
  std::unique_ptr<Impl> impl_;
};

// Connects (system manager: /run/dbus or its private socket for root; user manager: $XDG_RUNTIME_DIR/bus, else
// /run/user/UID/bus), adds the JobRemoved match, sends StartTransientUnit with mode "fail". Doesn't wait for a reply.
Result<ScopeJob> start_scope(const TransientScope& scope, bool system_manager,
                             std::chrono::steady_clock::time_point deadline);

// Turns "RuntimeMaxSec=10min", as systemd-run -p takes it, into its typed property. Knows every resource-control
// property of a scope; an unknown one is an error that names the nearest.
Result<UnitProperty> parse_unit_property(const std::string& name, const std::string& value);

}  // namespace sbx
