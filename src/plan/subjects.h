// The subjects of a plan, one file each; make_plan calls them in this order.
#pragma once
#include "base/result.h"
#include "plan/host_facts.h"
#include "plan/launch_plan.h"
#include "plan/mount_order.h"
#include "plan/mount_tree.h"
#include "spec/sandbox_spec.h"

namespace sbx {

// fallback.cpp
bool accepts(const SandboxSpec& spec, std::string_view protection);
bool requires_protection(const SandboxSpec& spec, std::string_view protection);
// Takes the loss of a protection down where [fallback] accepts it; else the launch ends here.
Result<> give_up(const SandboxSpec& spec, LaunchPlan& plan, Loss loss);
// What [fallback] requires and the spec itself leaves out; after all the rest.
Result<> check_requirements(const SandboxSpec& spec, const LaunchPlan& plan);

// process.cpp
Result<> plan_namespaces(const SandboxSpec& spec, const HostFacts& facts, LaunchPlan& plan);
Result<> plan_process(const SandboxSpec& spec, LaunchPlan& plan);
// network.cpp
Result<PrivateNetwork> plan_private_network(const SandboxSpec& spec, const NetworkFacts& facts);
// ids.cpp
Result<> plan_ids(const SandboxSpec& spec, const HostFacts& facts, LaunchPlan& plan);
// Who the payload is to the host.
std::uint32_t outside_uid(const SandboxSpec& spec, std::uint32_t caller);
// cgroup.cpp
bool wants_sub_cgroup(const SandboxSpec& spec);  // rather than a scope, where the caller's unit delegates
Result<> plan_cgroup(const SandboxSpec& spec, const HostFacts& facts, LaunchPlan& plan);
// mounts.cpp; `questions` null: what isn't known counts as absent
Result<> plan_mounts(const SandboxSpec& spec, const HostFacts& facts, HostQuestions* questions, LaunchPlan& plan);
// landlock.cpp; after the mounts
Result<> plan_landlock(const SandboxSpec& spec, const HostFacts& facts, LaunchPlan& plan);

// ---- parts of plan_mounts
// base_items.cpp: what stands inside without being asked for by name: the root, /dev, /proc, home.
Result<MountItem> root_item(const SandboxSpec& spec, HostView& host);
std::vector<MountItem> base_items(const SandboxSpec& spec, HostView& host, const MountItem& root);
void ask_base(const SandboxSpec& spec, HostQuestions& questions);
// pins.cpp: what stands read-only within a tree that the payload can write stays where it is: see pin_parents.
void pin_parents(MountTree& tree, const std::string& path, const Origin& origin);
void pin_read_only(MountTree& tree);
// hides.cpp
Result<> plan_hides(const SandboxSpec& spec, MountTree& tree, MountOrder& order);

}  // namespace sbx
