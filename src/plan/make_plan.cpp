#include "plan/make_plan.h"

#include <algorithm>

#include "plan/subjects.h"

namespace sbx {

HostQuestions host_questions(const SandboxSpec& spec) {
  HostQuestions questions;
  questions.subids = spec.identity.subids;
  questions.network = spec.network.mode == NetworkMode::private_nat;
  questions.delegation = wants_sub_cgroup(spec);
  if (!spec.namespaces.mount) return questions;
  const FilesystemSpec& files = spec.filesystem;
  ask_base(spec, questions);
  for (const BindSpec& bind : files.binds) questions.paths.push_back(bind.source);
  for (const DeviceSpec& device : files.devices) questions.paths.push_back(device.path);
  if (!files.home_source.empty()) questions.paths.push_back(files.home_source);
  if (files.root == RootKind::host) questions.private_trees = {"/etc"};
  questions.runtime_directories = files.home == HomeKind::host || files.root == RootKind::directory || !files.binds.empty();
  questions.own_directories =
      files.home == HomeKind::host ||
      std::any_of(files.binds.begin(), files.binds.end(), [](const BindSpec& bind) { return bind.access == Access::write; });
  return questions;
}

Result<LaunchPlan> make_plan(const SandboxSpec& spec, const HostFacts& facts, HostQuestions* questions) {
  LaunchPlan plan;
  // What the launch itself may find missing; what is required as well is not accepted.
  for (const std::string& name : spec.accept)
    if (!requires_protection(spec, name)) plan.accept.push_back(name);
  SBX_TRY(plan_namespaces(spec, facts, plan));
  SBX_TRY(plan_ids(spec, facts, plan));
  SBX_TRY(plan_cgroup(spec, facts, plan));
  SBX_TRY(plan_mounts(spec, facts, questions, plan));
  SBX_TRY(plan_landlock(spec, facts, plan));
  SBX_TRY(plan_process(spec, plan));
  SBX_TRY(check_requirements(spec, plan));
  return plan;
}

}  // namespace sbx
