// SandboxSpec and HostFacts in, LaunchPlan out. Pure.
#pragma once
#include "base/result.h"
#include "plan/host_facts.h"
#include "plan/launch_plan.h"

namespace sbx {

// What make_plan will ask of the host, and, once that is answered, what the answers made it ask besides: ask until
// it is empty. launch/gather does.
HostQuestions host_questions(const SandboxSpec& spec);
HostQuestions open_questions(const SandboxSpec& spec, const HostFacts& facts);
// Fails where the host can't give what the spec requires. `filter` is left empty: see filter/compile.h.
Result<LaunchPlan> make_plan(const SandboxSpec& spec, const HostFacts& facts);
// The plan for people: one line an operation, with where it was asked for.
std::string explain(const LaunchPlan& plan);

}  // namespace sbx
