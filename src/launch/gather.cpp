#include "launch/gather.h"

#include <chrono>

#include "base/fault.h"
#include "kernel/probe.h"
#include "plan/make_plan.h"
#include "systemd/own_unit.h"

namespace sbx {

namespace {

constexpr auto patience = std::chrono::seconds(10);

// A sub-cgroup of the caller's own unit is a hundred times cheaper than a scope, where the unit delegates. A user's
// manager has to be asked; it isn't where the answer wouldn't matter.
void ask_for_delegation(HostFacts& facts) {
  const auto& unit = facts.own_unit;
  if (!unit || unit->user != facts.uid || !facts.delegated_cgroup.empty()) return;
  // No answer: the scope that is asked for instead tells what is wrong.
  const auto delegates = unit_delegates(*unit, std::chrono::steady_clock::now() + patience);
  if (delegates && *delegates) take_delegation(unit->cgroup, facts);
}

}  // namespace

Result<LaunchPlan> gather_plan(const SandboxSpec& spec) {
  SBX_TRY(check_fault(Step::probe_host));
  SBX_TRY(check_fault(Step::make_plan));
  const HostQuestions questions = host_questions(spec);
  HostFacts facts = probe_host(questions);
  if (questions.delegation) ask_for_delegation(facts);
  // An answer can raise a question (a symlink that leads elsewhere inside, a directory to be layered). A chain of
  // symlinks could go on for long: what is still unknown then counts as absent, which is the careful reading.
  constexpr int rounds = 8;
  for (int round = 0; round < rounds; ++round) {
    HostQuestions more;
    auto plan = make_plan(spec, facts, &more);
    if (more.empty()) return plan;
    probe_more(more, facts);
  }
  return make_plan(spec, facts);
}

}  // namespace sbx
