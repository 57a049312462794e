// [fallback]: what can't be had is accepted by name, or ends the launch.
#include <algorithm>

#include "base/text.h"
#include "plan/subjects.h"

namespace sbx {

bool accepts(const SandboxSpec& spec, std::string_view protection) {
  return std::find(spec.accept.begin(), spec.accept.end(), protection) != spec.accept.end();
}

bool requires_protection(const SandboxSpec& spec, std::string_view protection) {
  return std::find(spec.require.begin(), spec.require.end(), protection) != spec.require.end();
}

Result<> give_up(const SandboxSpec& spec, LaunchPlan& plan, Loss loss) {
  if (!accepts(spec, loss.protection) || requires_protection(spec, loss.protection))
    return fail(Step::make_plan, ErrorKind::host, loss.reason,
                cat(loss.remedy, loss.remedy.empty() ? "" : ", or ", "accept the loss: fallback.accept = [\"", loss.protection, "\"]"));
  plan.losses.push_back(std::move(loss));
  return {};
}

}  // namespace sbx
