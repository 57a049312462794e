#include "cli/profile_warnings.h"

#include <algorithm>

#include "base/text.h"

namespace sbx {
namespace {

bool has(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

void warn_files(const SandboxSpec& spec, std::vector<std::string>& warnings) {
  const auto& files = spec.filesystem;
  for (const auto& bind : files.binds)
    for (const auto& hide : files.hides)
      if (bind.target == hide.path)
        warnings.push_back(
            cat(bind.origin, ": ", bind.target, " is shown and hidden (", hide.origin, "); hidden wins"));
  if (files.home == HomeKind::host)
    warnings.push_back(cat(files.home_origin,
                           ": filesystem.home = \"host\" lets the command change what you run later, e.g. ~/.bashrc"));
  for (const auto& bind : files.binds)
    if (bind.access == Access::write && bind.source == "/")
      warnings.push_back(cat(bind.origin, ": the whole file system is writable as far as you may write it"));
}

void warn_limits(const SandboxSpec& spec, std::vector<std::string>& warnings) {
  const auto& cgroup = spec.cgroup;
  if (cgroup.memory_high && cgroup.memory_max && *cgroup.memory_high >= *cgroup.memory_max)
    warnings.push_back("cgroup.memory.high has no effect: it is not below cgroup.memory.max");
  if (spec.scope.mode == ScopeMode::none && !spec.scope.properties.empty())
    warnings.push_back("systemd.properties have no effect with systemd.scope = \"none\"");
  if (spec.scope.mode == ScopeMode::none && cgroup.any())
    warnings.push_back(
        "with systemd.scope = \"none\" the limits of [cgroup] hold only inside a unit that delegates its cgroup");
  if (spec.limits.wall_time_us != 0 && spec.limits.grace_us > spec.limits.wall_time_us)
    warnings.push_back("limits.grace is longer than limits.wall_time");
}

void warn_confinement(const Profile& profile, const SandboxSpec& spec, std::vector<std::string>& warnings) {
  if (!spec.seccomp.default_deny)
    warnings.push_back("seccomp.default = \"allow\" lets every call pass that seccomp.deny doesn't name");
  if (spec.seccomp.action == SeccompErrno::log)
    warnings.push_back("seccomp.errno = \"log\" forbids nothing: calls are logged and pass");
  for (const auto& item : spec.seccomp.allow)
    if (has(spec.seccomp.deny, item)) warnings.push_back(cat("seccomp.allow and seccomp.deny both name ", item));
  for (const auto& item : spec.accept)
    if (has(spec.require, item))
      warnings.push_back(cat("fallback.accept = ", item, " has no effect: fallback.require names it too"));
  for (const auto& passed : profile.environment_pass)
    if (profile.environment_set.contains(passed.value))
      warnings.push_back(cat(passed.origin, ": environment.pass of ", passed.value,
                             " has no effect: environment.set gives its value"));
  if (spec.network.mode == NetworkMode::host)
    warnings.push_back(
        "network.mode = \"host\" lets the command reach every service of this host, abstract sockets included where "
        "Landlock can't scope them");
}

}  // namespace

std::vector<std::string> profile_warnings(const Profile& profile, const SandboxSpec& spec) {
  std::vector<std::string> warnings;
  warn_files(spec, warnings);
  warn_limits(spec, warnings);
  warn_confinement(profile, spec, warnings);
  return warnings;
}

}  // namespace sbx
