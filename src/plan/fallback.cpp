// [fallback]: what can't be had is accepted by name, or ends the launch.
#include <sched.h>

#include <algorithm>
#include <array>
#include <variant>

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
                cat(loss.remedy, loss.remedy.empty() ? "" : ", or ", "accept the loss: --accept ", loss.protection, ", or fallback.accept in the profile"));
  plan.losses.push_back(std::move(loss));
  return {};
}

namespace {

// Whether the plan has the protection at all; that it holds is read back at the launch.
bool is_planned(const SandboxSpec& spec, const LaunchPlan& plan, std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 7> namespaces{{{"user", CLONE_NEWUSER},
                                                                                  {"mount", CLONE_NEWNS},
                                                                                  {"pid", CLONE_NEWPID},
                                                                                  {"net", CLONE_NEWNET},
                                                                                  {"ipc", CLONE_NEWIPC},
                                                                                  {"uts", CLONE_NEWUTS},
                                                                                  {"time", 0x00000080}}};
  for (const auto& [kind, flag] : namespaces)
    if (name == kind) return (plan.clone_flags & flag) != 0;
  if (name == "cgroup") return plan.unshare_cgroup;
  if (name == "landlock") return plan.landlock.abi != 0;
  if (name == "scope") return std::holds_alternative<ScopeRequest>(plan.cgroup);
  if (name == "proc") return spec.namespaces.pid;
  const CgroupSpec* limits = limits_of(plan.cgroup);
  if (name == "memory") return limits != nullptr && (limits->memory_max || limits->memory_high || limits->memory_swap_max);
  if (name == "cpu") return limits != nullptr && (limits->cpu_quota_us || limits->cpu_weight);
  if (name == "pids") return limits != nullptr && limits->pids_max;
  if (name == "io") return limits != nullptr && limits->io_weight;
  return true;  // seccomp, capabilities, rlimits, keyring: always
}

}  // namespace

Result<> check_requirements(const SandboxSpec& spec, const LaunchPlan& plan) {
  for (const std::string& name : spec.require)
    if (!is_planned(spec, plan, name))
      return fail(Step::make_plan, ErrorKind::profile,
                  cat("fallback.require names \"", name, "\", but the profile asks for no such protection"),
                  cat("ask for it, or take it out: require = [\"!", name, "\"]"));
  return {};
}

}  // namespace sbx
