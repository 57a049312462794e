// SandboxSpec and HostFacts in, LaunchPlan out. Pure.
#pragma once
#include "base/result.h"
#include "plan/host_facts.h"
#include "plan/launch_plan.h"

namespace sbx {

// What make_plan will ask of the host.
HostQuestions host_questions(const SandboxSpec& spec);
// Fails where the host can't give what the spec requires. `filter` is left empty: see filter/compile.h.
// `questions`: gets what the answers so far made it ask besides; neither plan nor error counts until it stays empty
// (launch/gather sees to that). Without it, what isn't known counts as absent.
Result<LaunchPlan> make_plan(const SandboxSpec& spec, const HostFacts& facts, HostQuestions* questions = nullptr);
// The plan for people: one line an operation, with where it was asked for.
std::string explain(const LaunchPlan& plan);

}  // namespace sbx
