// Where the limits hold: a scope of the service manager's, or a cgroup made directly in a unit that delegates its own.
#include <algorithm>

#include "base/text.h"
#include "plan/subjects.h"
#include "spec/cgroup_values.h"

namespace sbx {
namespace {

bool all_accepted(const SandboxSpec& spec) {
  for (const std::string& name : limit_controllers(spec.cgroup))
    if (!accepts(spec, name) || requires_protection(spec, name)) return false;
  return true;
}

bool delegation_serves(const SandboxSpec& spec, const HostFacts& facts) {
  if (facts.delegated_cgroup.empty() || !wants_sub_cgroup(spec)) return false;
  const auto& offered = facts.delegated_controllers;
  for (const std::string& name : limit_controllers(spec.cgroup))
    if (std::find(offered.begin(), offered.end(), name) == offered.end()) return false;
  return true;
}

// Why there is no scope to be had, and the way out.
struct Cause {
  std::string reason, remedy;
};
Cause why_no_scope(const HostFacts& facts) {
  if (facts.cgroup_mode == CgroupMode::none || facts.cgroup_mode == CgroupMode::v1)
    return {"this host has no cgroup v2 hierarchy", "boot with systemd.unified_cgroup_hierarchy=1"};
  if (facts.uid == 0 && facts.initial_user_namespace)
    return {"no systemd answers on the system bus", "run sbx on a host that systemd manages, or set systemd.scope = \"none\""};
  return {"no service manager of this user answers (no bus in $XDG_RUNTIME_DIR or /run/user/UID)",
          cat("start one: loginctl enable-linger ", facts.user_name.empty() ? "$USER" : facts.user_name,
              ", and set XDG_RUNTIME_DIR=/run/user/", facts.uid)};
}

// Limits without a place to hold: each is accepted by name, or the launch ends.
Result<> give_up_limits(const SandboxSpec& spec, const Cause& cause, LaunchPlan& plan) {
  for (const std::string& name : limit_controllers(spec.cgroup)) {
    std::string asked;
    for (const auto& [file, origin] : spec.cgroup.origins)
      if (asked.empty() && file.starts_with(name)) asked = cat("cgroup.", file, " (", origin, ")");
    if (asked.empty()) asked = cat("the limit on ", name);
    SBX_TRY(give_up(spec, plan, {name, cat(asked, " can't be enforced: ", cause.reason), cause.remedy}));
    // Once it is given up the cause stands alone: losses of one cause are told together.
    plan.losses.back() = {name, cause.reason, cause.remedy, asked};
  }
  return {};
}

ScopeRequest request_scope(const SandboxSpec& spec, const HostFacts& facts) {
  return {spec.scope.name, spec.scope.slice, spec.scope.description, facts.uid == 0 && facts.initial_user_namespace, spec.cgroup,
          spec.scope.properties};
}

std::string without_suffix(std::string name) {
  constexpr std::string_view suffix = ".scope";
  if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  return name;
}

}  // namespace

bool wants_sub_cgroup(const SandboxSpec& spec) {
  return spec.scope.mode != ScopeMode::require && !requires_protection(spec, "scope") && spec.scope.properties.empty() &&
         (spec.scope.mode == ScopeMode::automatic || spec.cgroup.any());
}

Result<> plan_cgroup(const SandboxSpec& spec, const HostFacts& facts, LaunchPlan& plan) {
  const bool required = spec.scope.mode == ScopeMode::require || requires_protection(spec, "scope");
  const bool v2 = facts.cgroup_mode == CgroupMode::v2 || facts.cgroup_mode == CgroupMode::hybrid;
  const bool scope_possible = facts.bus_reachable && v2;
  if (required && scope_possible) {
    plan.cgroup = request_scope(spec, facts);
    return {};
  }
  if (required) {
    const Cause cause = why_no_scope(facts);
    return fail(Step::make_plan, ErrorKind::host, cat("a scope is required, but ", cause.reason), cause.remedy);
  }
  // Directly: a hundred times cheaper than a scope, and just as bounded, since the unit's manager has given it away.
  if (delegation_serves(spec, facts)) {
    plan.cgroup = SubCgroup{facts.delegated_cgroup, without_suffix(spec.scope.name), spec.cgroup};
    return {};
  }
  // A service's sandbox is that service: its manager accounts for it, limits it and ends it.
  if (spec.scope.in_own_unit && v2 && facts.own_unit && facts.own_unit->name.ends_with(".service") && spec.scope.properties.empty()) {
    plan.cgroup = UnitCgroup{facts.own_cgroup, facts.own_unit->name, spec.cgroup};
    return {};
  }
  if (spec.scope.mode == ScopeMode::none) {
    const Cause cause{"systemd.scope is \"none\", and the caller's own cgroup isn't delegated to it",
                      "set systemd.scope = \"auto\", or run sbx in a unit with Delegate=yes"};
    if (spec.cgroup.any()) plan.losses.push_back({"scope", cause.reason, cause.remedy});
    return give_up_limits(spec, cause, plan);
  }
  if (scope_possible) {
    plan.cgroup = request_scope(spec, facts);
    plan.scope_optional = all_accepted(spec) && spec.scope.properties.empty();
    return {};
  }
  const Cause cause = why_no_scope(facts);
  if (!spec.scope.properties.empty() && !accepts(spec, "scope"))
    return give_up(spec, plan, {"scope", cat("systemd.properties can't be set: ", cause.reason), cause.remedy});
  plan.losses.push_back({"scope", cause.reason, cause.remedy});
  SBX_TRY(give_up_limits(spec, cause, plan));
  return {};
}

}  // namespace sbx
