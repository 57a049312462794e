// What is done to a running sandbox from outside.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/cgroup_limits.h"
#include "spec/sandbox_spec.h"
#include "state/running_sandbox.h"

namespace sbx {

// `signal` to every process of the sandbox but init, SIGKILL to all with init. Those that are made meanwhile are found
// as well with a cgroup; without one they may be missed by other signals than SIGKILL.
Result<> signal_all(const RunningSandbox& sandbox, int signal);
// Ends it at once: all processes in the cgroup, or init and with it the pid namespace.
Result<> end_now(const RunningSandbox& sandbox);
// By the cgroup's own file where the caller may write it, else by the service manager. Returns when the kernel says so.
Result<> set_frozen(const RunningSandbox& sandbox, bool frozen);
// Writes `limits`, by the service manager for a scope, and reads them back; what doesn't hold is an error.
Result<std::vector<LimitReading>> update_limits(const RunningSandbox& sandbox, const CgroupSpec& limits);
// True when all have ended by then. Ended is who has left the registry as well: its name is free.
bool await_end(const Registry& registry, const std::vector<const RunningSandbox*>& sandboxes, std::chrono::steady_clock::time_point deadline);

}  // namespace sbx
