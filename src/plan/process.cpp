// The process: its namespaces, and what of the spec passes straight through.
#include <sched.h>

#include <algorithm>

#include "base/text.h"
#include "plan/subjects.h"
#include "spec/capability_names.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace sbx {
namespace {

bool changes_files(const FilesystemSpec& files) {
  return !files.binds.empty() || !files.hides.empty() || !files.tmpfs.empty() || !files.symlinks.empty() ||
         !files.files.empty() || !files.devices.empty() || files.root != RootKind::host || files.home == HomeKind::private_tmpfs ||
         files.home == HomeKind::persistent;
}

}  // namespace

Result<> plan_namespaces(const SandboxSpec& spec, const HostFacts& facts, LaunchPlan& plan) {
  const NamespacesSpec& wanted = spec.namespaces;
  const bool host_network = spec.network.mode == NetworkMode::host;
  if (!wanted.mount && changes_files(spec.filesystem))
    return fail(Step::make_plan, ErrorKind::host,
                "namespaces.mount = false leaves the host's file system as it is, but [filesystem] asks for another one",
                "set namespaces.mount = true, or filesystem.root = \"host\" and home = \"host\" with nothing else");
  if (!wanted.net && !host_network)
    SBX_TRY(give_up(spec, plan, {"net", "network.mode is \"none\", but namespaces.net = false leaves the caller's network in reach",
                                 "set namespaces.net = true, or network.mode = \"host\""}));
  plan.clone_flags = (wanted.user ? CLONE_NEWUSER : 0U) | (wanted.mount ? CLONE_NEWNS : 0U) | (wanted.pid ? CLONE_NEWPID : 0U) |
                     (wanted.ipc ? CLONE_NEWIPC : 0U) | (wanted.uts ? CLONE_NEWUTS : 0U) | (wanted.time ? CLONE_NEWTIME : 0U);
  plan.loopback = wanted.net && !host_network;
  if (plan.loopback) plan.clone_flags |= CLONE_NEWNET;
  switch (spec.network.mode) {
    case NetworkMode::none: plan.network = NoNetwork{}; break;
    case NetworkMode::host: plan.network = HostNetwork{}; break;
    case NetworkMode::private_nat: {
      SBX_ASSIGN(plan.network, plan_private_network(spec, facts.network));
      break;
    }
    case NetworkMode::filtered:
    case NetworkMode::learn: plan.network = FilteredNetwork{spec.network.allow, spec.network.deny, spec.network.mode == NetworkMode::learn}; break;
  }
  plan.unshare_cgroup = wanted.cgroup;
  if (wanted.uts) plan.hostname = spec.identity.hostname;
  return {};
}

Result<> plan_process(const SandboxSpec& spec, LaunchPlan& plan) {
  plan.argv = spec.argv;
  plan.environment = spec.environment;
  plan.pid_variables = spec.pid_variables;
  plan.workdir = spec.workdir;
  plan.workdir_required = spec.workdir_required;
  if (plan.workdir.empty())
    plan.workdir = spec.filesystem.home != HomeKind::none && !spec.filesystem.home_path.empty() ? spec.filesystem.home_path : "/";
  plan.rlimits = spec.rlimits;
  plan.pass_fds = spec.pass_fds;
  plan.terminal = spec.terminal;
  plan.limits = spec.limits;
  plan.require = spec.require;
  for (const std::string& name : spec.capabilities) {
    const auto it = std::find(capability_names.begin(), capability_names.end(), name);
    if (it == capability_names.end())
      return fail(Step::make_plan, ErrorKind::profile, cat("there is no capability ", name), "see capabilities(7)");
    plan.kept_capabilities |= std::uint64_t{1} << static_cast<unsigned>(it - capability_names.begin());
  }
  return {};
}

}  // namespace sbx
