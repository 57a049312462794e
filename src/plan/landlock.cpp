// Landlock on top of the mounts (landlock(7)): what they allow stays allowed, and nothing that doesn't lie below the
// new root can be opened, however a descriptor of it was come by.
#include <algorithm>
#include <variant>

#include "base/text.h"
#include "filter/compile.h"
#include "plan/subjects.h"

namespace sbx {
namespace {

// Whether the payload can change mounts, which Landlock's file part forbids altogether: the filter lets it try, and a
// user namespace of its own or a kept capability lets it succeed.
bool may_mount(const SandboxSpec& spec) {
  const bool has_power = spec.namespaces.nested || std::find(spec.capabilities.begin(), spec.capabilities.end(), "CAP_SYS_ADMIN") !=
                                                       spec.capabilities.end();
  return has_power && policy_allows_mount(spec.seccomp);
}

// One rule for all of /dev: the directory itself is read-only by its mount, the nodes in it are for reading and writing.
constexpr std::string_view devices_directory = "/dev";

void add_rule(LandlockPlan& plan, const MountOperation& operation) {
  const auto* target = std::visit([](const auto& one) { return &one.target; }, operation);
  if (is_at_or_below(*target, devices_directory)) return;
  if (const auto* bind = std::get_if<BindTree>(&operation)) {
    if (!bind->read_only || bind->allow_devices)
      plan.rules.push_back({bind->target, !bind->read_only, true, bind->allow_devices});
  } else if (const auto* tmpfs = std::get_if<MountTmpfs>(&operation)) {
    plan.rules.push_back({tmpfs->target, true, true, false});
  } else if (const auto* proc = std::get_if<MountProc>(&operation)) {
    // Its own files can be written by their owner: oom_score_adj, comm. The mount keeps the rest read-only.
    plan.rules.push_back({proc->target, true, true, false});
  }
}

}  // namespace

Result<> plan_landlock(const SandboxSpec& spec, const HostFacts& facts, LaunchPlan& plan) {
  if (spec.landlock == LandlockMode::off) return {};
  LandlockPlan& landlock = plan.landlock;
  if (facts.landlock_abi == 0) {
    Loss loss{"landlock", "the kernel offers no Landlock", "boot Linux 5.13 or newer with landlock in its lsm= list"};
    if (spec.landlock == LandlockMode::automatic && !requires_protection(spec, "landlock")) {
      plan.losses.push_back(std::move(loss));
      return {};
    }
    return give_up(spec, plan, std::move(loss));
  }
  landlock.abi = facts.landlock_abi;
  landlock.deny_tcp = !spec.namespaces.net && spec.network.mode == NetworkMode::none;
  landlock.filesystem = !may_mount(spec);
  if (!landlock.filesystem) {
    if (spec.landlock == LandlockMode::require || requires_protection(spec, "landlock"))
      return fail(Step::make_plan, ErrorKind::host,
                  "Landlock is required, but the profile lets the payload mount, which Landlock forbids",
                  "leave @mount out of seccomp.allow, or set landlock.mode = \"auto\"");
    return {};
  }
  landlock.rules.push_back({plan.root_directory.empty() || plan.root_read_only ? LandlockRule{"/", false, true, false}
                                                                                : LandlockRule{"/", true, true, false}});
  if ((plan.clone_flags & 0x00020000U) == 0) landlock.rules.front() = {"/", true, true, true};  // CLONE_NEWNS: the host's
  landlock.rules.push_back({std::string(devices_directory), true, true, true});
  for (const PlannedMount& mount : plan.mounts) add_rule(landlock, mount.operation);
  return {};
}

}  // namespace sbx
