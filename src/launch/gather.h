// Spec to plan: asks the host what the plan for this spec needs to know, and no more.
#pragma once
#include "base/result.h"
#include "plan/launch_plan.h"
#include "spec/sandbox_spec.h"

namespace sbx {
Result<LaunchPlan> gather_plan(const SandboxSpec& spec);
}  // namespace sbx
