// The way into a running sandbox: its namespaces, as its launcher holds them, and the process' half of its launch.
#pragma once
#include "launch/join.h"
#include "state/running_sandbox.h"

namespace sbx {

// Fills in of `plan`, which is the details' own `process`, what a process has from its launcher and no plan names: the
// other resource limits.
Result<RunningTarget> open_entrance(const RunningSandbox& sandbox, const SandboxDetails& details, LaunchPlan& plan);

}  // namespace sbx
