// SandboxSpec and HostFacts in, LaunchPlan out. Pure.
#pragma once
#include "base/result.h"
#include "plan/host_facts.h"
#include "plan/launch_plan.h"

namespace sbx {

// What make_plan will ask of the host: for kernel/probe.
HostQuestions host_questions(const SandboxSpec& spec);
// True where make_plan needs HostFacts::mount_points as well (a directory is to be layered).
bool needs_mount_points(const SandboxSpec& spec, const HostFacts& facts);
// Fails where the host can't give what the spec requires. `filter` is left empty: see filter/compile.h.
Result<LaunchPlan> make_plan(const SandboxSpec& spec, const HostFacts& facts);
// The plan for people: one line an operation, with where it was asked for.
std::string explain(const LaunchPlan& plan);

}  // namespace sbx
