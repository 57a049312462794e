#include "launch/gather.h"

#include "base/fault.h"
#include "kernel/probe.h"
#include "plan/make_plan.h"

namespace sbx {

Result<LaunchPlan> gather_plan(const SandboxSpec& spec) {
  SBX_TRY(check_fault(Step::probe_host));
  SBX_TRY(check_fault(Step::make_plan));
  HostFacts facts = probe_host(host_questions(spec));
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
