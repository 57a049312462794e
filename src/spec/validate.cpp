// Contradictions within a SandboxSpec. What a host can't give is the plan's to say.
#include "spec/validate.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "spec/capability_names.h"
#include "spec/network_text.h"

namespace sbx {
namespace {

std::unexpected<Error> bad(const Origin& origin, std::string_view what, std::string hint = {}) {
  return fail(Step::validate_spec, ErrorKind::profile, origin.empty() ? std::string(what) : cat(origin, ": ", what),
              std::move(hint));
}

bool is_clean_path(std::string_view path) {
  return path.starts_with('/') && path.find('\0') == path.npos && normalize_path(path) == path;
}

// What every entry's place inside must hold: sbx makes /proc and /dev itself, and covers parts of them.
Result<> check_target(std::string_view kind, const std::string& path, const Origin& origin, bool root_allowed) {
  if (!is_clean_path(path)) return bad(origin, cat(kind, " \"", path, "\" is no absolute and normalized path"));
  if (path == "/" && !root_allowed)
    return bad(origin, cat(kind, " can't be the root directory itself"), "use filesystem.root for the whole root");
  if (is_at_or_below(path, "/proc"))
    return bad(origin, cat(kind, " ", path, " lies in /proc, which is the sandbox's own"), "see filesystem.proc for what is visible there");
  if (path == "/dev") return bad(origin, cat(kind, " can't be /dev, which is the sandbox's own"), "use filesystem.devices for device nodes");
  return {};
}

Result<> check_binds(const FilesystemSpec& files) {
  std::set<std::string_view> targets;
  for (const auto& bind : files.binds) {
    SBX_TRY(check_target("the bind", bind.target, bind.origin, true));
    if (!is_clean_path(bind.source)) return bad(bind.origin, cat("the source \"", bind.source, "\" is no absolute and normalized path"));
    if (bind.source == "/")
      return bad(bind.origin, "the host's whole root directory can't be bound", "use filesystem.root = \"host\", and name what is needed beyond it");
    if (is_at_or_below(bind.source, "/proc"))
      return bad(bind.origin, cat("the source ", bind.source, " lies in the host's /proc, which would show the host's processes"),
                 "the sandbox has a /proc of its own");
    if (!targets.insert(bind.target).second) return bad(bind.origin, cat(bind.target, " is bound twice"), "take one of them away");
  }
  return {};
}

Result<> check_hides(const FilesystemSpec& files) {
  std::set<std::string_view> hidden;
  for (const auto& hide : files.hides) {
    SBX_TRY(check_target("hide", hide.path, hide.origin, false));
    hidden.insert(hide.path);
  }
  // A path that is asked for and hidden at once would be missing without a word.
  const auto cover = [&](std::string_view path) -> std::string_view {
    for (auto at = path; at != "/" && at.size() > 1; at = parent_path(at))
      if (hidden.contains(at)) return at;
    return {};
  };
  for (const auto& bind : files.binds)
    if (const auto at = cover(bind.target); !at.empty() && !bind.optional)
      return bad(bind.origin, cat(bind.target, " is asked for, and ", at, " is hidden"),
                 cat("take one of them away, such as with hide = [\"!", at, "\"]"));
  for (const auto& tmpfs : files.tmpfs)
    if (const auto at = cover(tmpfs.path); !at.empty())
      return bad(tmpfs.origin, cat("the tmpfs ", tmpfs.path, " is asked for, and ", at, " is hidden"), "take one of them away");
  if (files.home != HomeKind::none)
    if (const auto at = cover(files.home_path); !at.empty())
      return bad(files.home_origin, cat("the home ", files.home_path, " is asked for, and ", at, " is hidden"),
                 "use filesystem.home = \"none\", or don't hide it");
  return {};
}

Result<> check_filesystem(const SandboxSpec& spec) {
  const auto& files = spec.filesystem;
  if (!spec.namespaces.mount)
    return bad("", "namespaces.mount is false, but the file system of a sandbox needs a mount namespace", "remove namespaces.mount");
  if (files.root == RootKind::directory && !is_clean_path(files.root_directory))
    return bad(files.root_origin, cat("the root \"", files.root_directory, "\" is no absolute path"));
  if (files.root == RootKind::directory && files.root_directory == "/")
    return bad(files.root_origin, "filesystem.root can't be the host's / as it is", "use filesystem.root = \"host\"");
  if (files.home != HomeKind::none) {
    SBX_TRY(check_target("the home", files.home_path, files.home_origin, false));
    if (files.home != HomeKind::private_tmpfs && !is_clean_path(files.home_source))
      return bad(files.home_origin, cat("the home's source \"", files.home_source, "\" is no absolute path"));
  }
  SBX_TRY(check_binds(files));
  for (const auto& tmpfs : files.tmpfs) SBX_TRY(check_target("the tmpfs", tmpfs.path, tmpfs.origin, false));
  for (const auto& link : files.symlinks) {
    SBX_TRY(check_target("the symlink", link.path, link.origin, false));
    if (link.to.empty() || link.to.find('\0') != std::string::npos) return bad(link.origin, cat("the symlink ", link.path, " says nothing"));
  }
  for (const auto& file : files.files) SBX_TRY(check_target("the file", file.path, file.origin, false));
  for (const auto& device : files.devices)
    if (!is_clean_path(device.path) || device.path == "/dev" || !is_at_or_below(device.path, "/dev"))
      return bad(device.origin, cat("the device ", device.path, " doesn't lie below /dev"), "use filesystem.read or write for other paths");
  SBX_TRY(check_hides(files));
  // One thing at one place: which of two would win is nothing to guess.
  std::set<std::string_view> places;
  const auto take = [&](const std::string& path, const Origin& origin) -> Result<> {
    return places.insert(path).second ? Result<>() : bad(origin, cat(path, " is asked for as two different things"), "take one of them away");
  };
  for (const auto& bind : files.binds) SBX_TRY(take(bind.target, bind.origin));
  for (const auto& tmpfs : files.tmpfs) SBX_TRY(take(tmpfs.path, tmpfs.origin));
  for (const auto& link : files.symlinks) SBX_TRY(take(link.path, link.origin));
  for (const auto& file : files.files) SBX_TRY(take(file.path, file.origin));
  for (const auto& device : files.devices) SBX_TRY(take(device.path, device.origin));
  return {};
}

Result<> check_identity(const SandboxSpec& spec) {
  const auto& [hostname, uid, gid, subids] = spec.identity;
  if (!spec.namespaces.uts && !hostname.empty())
    return bad("", "identity.hostname is set, but namespaces.uts is false: the host's own name would change", "remove one of them");
  if (subids && !spec.namespaces.user) return bad("", "identity.subids is true, but namespaces.user is false", "remove one of them");
  if (spec.namespaces.nested && !spec.namespaces.user)
    return bad("", "namespaces.nested is true, but namespaces.user is false", "remove one of them");
  if (uid == UINT32_MAX || gid == UINT32_MAX) return bad("", "identity.user is no id");
  return {};
}

// With a network device of its own, which a process outside serves.
bool has_helper(const NetworkSpec& network) {
  return network.mode == NetworkMode::private_nat || has_filter(network.mode);
}

Result<> check_network(const SandboxSpec& spec) {
  const auto& network = spec.network;
  const auto mode = network_mode_name(network.mode);
  if (network.mode != NetworkMode::host && !spec.namespaces.net)
    return bad(network.origin, cat("network.mode is \"", mode, "\", but namespaces.net is false: the host's network would be reachable"),
               "use network.mode = \"host\" if that is meant, or remove namespaces.net");
  if (network.mode == NetworkMode::host && spec.namespaces.net)
    return bad(network.origin, "network.mode is \"host\", but namespaces.net is true", "remove one of them");
  if (!network.publish.empty() && !has_helper(network))
    return bad(network.publish[0].origin, cat("network.publish means nothing where network.mode is \"", mode, "\""),
               network.mode == NetworkMode::host ? "the command's ports are the host's already; remove it" : "set network.mode = \"private\"");
  if (!network.publish.empty() && has_filter(network.mode))
    return bad(network.publish[0].origin, cat("network.publish isn't built yet where network.mode is \"", mode, "\""), "use network.mode = \"private\", or remove it");
  if (!network.allow.empty() && !has_filter(network.mode))
    return bad(network.allow[0].origin, cat("network.allow means nothing where network.mode is \"", mode, "\""),
               "set network.mode = \"filtered\", or remove it");
  if (!network.deny.empty() && !has_filter(network.mode))
    return bad(network.deny[0].origin, cat("network.deny means nothing where network.mode is \"", mode, "\""),
               "set network.mode = \"filtered\", or remove it");
  if (!has_helper(network)) return {};
  if (!spec.namespaces.user)
    return bad(network.origin, cat("network.mode is \"", mode, "\", but namespaces.user is false"), "remove namespaces.user");
  // What keeps the host's own services shut off are rules in the sandbox's network namespace: CAP_NET_ADMIN changes
  // them, and packet sockets pass below them.
  for (const char* name : {"CAP_NET_ADMIN", "CAP_NET_RAW"})
    if (std::ranges::find(spec.capabilities, name) != spec.capabilities.end())
      return bad(network.origin, cat("network.mode is \"", mode, "\", but capabilities.keep lists ", name, ", which passes by its rules"),
                 "remove one of them");
  return {};
}

Result<> check_seccomp(const SandboxSpec& spec) {
  const auto& seccomp = spec.seccomp;
  if (!seccomp.default_deny && !seccomp.allow.empty())
    return bad(seccomp.origin, "seccomp.allow means nothing where seccomp.default is \"allow\"", "remove it, or use seccomp.default = \"deny\"");
  if (seccomp.architectures.empty()) return bad(seccomp.origin, "seccomp.architectures is empty", "use [\"native\"]");
  return {};
}

Result<> check_names(const SandboxSpec& spec) {
  for (const auto& name : spec.capabilities)
    if (std::ranges::find(capability_names, name) == capability_names.end()) return bad("", cat("capabilities.keep: there is no ", name));
  for (const auto* list : {&spec.require, &spec.accept})
    for (const auto& name : *list) {
      if (std::ranges::find(protection_names, name) != protection_names.end()) continue;
      const auto near = nearest(name, protection_names);
      return bad("", cat("[fallback] names ", name, ", which is no protection"), near ? cat("did you mean ", *near, "?") : "");
    }
  for (const auto& name : spec.require)
    if (std::ranges::find(spec.accept, name) != spec.accept.end())
      return bad("", cat("[fallback] both requires ", name, " and accepts its loss"), "remove one of them");
  if (spec.landlock == LandlockMode::require && std::ranges::find(spec.accept, "landlock") != spec.accept.end())
    return bad("", "landlock.mode is \"require\", but fallback.accept lists landlock", "remove one of them");
  if (spec.landlock == LandlockMode::off && std::ranges::find(spec.require, "landlock") != spec.require.end())
    return bad("", "landlock.mode is \"off\", but fallback.require lists landlock", "remove one of them");
  if (spec.scope.mode == ScopeMode::require && std::ranges::find(spec.accept, "scope") != spec.accept.end())
    return bad("", "systemd.scope is \"require\", but fallback.accept lists scope", "remove one of them");
  if (spec.scope.mode == ScopeMode::none && std::ranges::find(spec.require, "scope") != spec.require.end())
    return bad("", "systemd.scope is \"none\", but fallback.require lists scope", "remove one of them");
  const std::pair<std::string_view, bool> namespaces[] = {
      {"user", spec.namespaces.user}, {"mount", spec.namespaces.mount}, {"pid", spec.namespaces.pid},
      {"net", spec.namespaces.net},   {"ipc", spec.namespaces.ipc},     {"uts", spec.namespaces.uts},
      {"cgroup", spec.namespaces.cgroup}, {"time", spec.namespaces.time}};
  for (const auto& [name, asked] : namespaces)
    if (!asked && std::ranges::find(spec.require, name) != spec.require.end())
      return bad("", cat("namespaces.", name, " is false, but fallback.require lists ", name), "remove one of them");
  return {};
}

Result<> check_command(const SandboxSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty())
    return fail(Step::validate_spec, ErrorKind::usage, "there is no command to run", "name one behind --, or set command.argv in the profile");
  for (const auto& word : spec.argv)
    if (word.find('\0') != std::string::npos) return bad("", "the command holds a NUL character");
  if (!spec.workdir.empty() && !is_clean_path(spec.workdir)) return bad("", cat("the working directory \"", spec.workdir, "\" is no absolute path"));
  for (const auto& variable : spec.environment)
    if (variable.find('=') == std::string::npos || variable.starts_with('=') || variable.find('\0') != std::string::npos)
      return bad("", cat("the environment holds \"", variable.substr(0, 60), "\", which is no NAME=value"));
  return {};
}

Result<> check_limits(const SandboxSpec& spec) {
  for (const auto& limit : spec.rlimits)
    if (limit.soft > limit.hard) return bad(limit.origin, cat("rlimits.", limit.name, ": the soft limit is above the hard one"));
  const auto& cgroup = spec.cgroup;
  const auto origin = [&](const char* file) {
    const auto found = cgroup.origins.find(file);
    return found == cgroup.origins.end() ? Origin() : found->second;
  };
  if (cgroup.cpu_period_us < 1000 || cgroup.cpu_period_us > 1'000'000) return bad(origin("cpu.max"), "cgroup.cpu.max: the period must be 1000 to 1000000");
  if (cgroup.memory_max == 0) return bad(origin("memory.max"), "cgroup.memory.max is 0, in which nothing runs");
  if (cgroup.pids_max == 0) return bad(origin("pids.max"), "cgroup.pids.max is 0, in which nothing runs");
  return {};
}

}  // namespace

Result<> validate_spec(const SandboxSpec& spec) {
  SBX_TRY(check_command(spec));
  SBX_TRY(check_filesystem(spec));
  SBX_TRY(check_identity(spec));
  SBX_TRY(check_network(spec));
  SBX_TRY(check_seccomp(spec));
  SBX_TRY(check_limits(spec));
  return check_names(spec);
}

Result<> validate_run(const SandboxSpec& spec) {
  SBX_TRY(validate_spec(spec));
  if (spec.seccomp.default_deny && spec.seccomp.allow.empty())
    return bad(spec.seccomp.origin == "default" ? "" : spec.seccomp.origin,
               "seccomp.allow is empty, and no command runs on the few system calls that are always there",
               "extend a profile such as base, or list seccomp.allow = [\"@system-service\"]");
  const auto& files = spec.filesystem;
  const bool own_home = files.home == HomeKind::private_tmpfs || files.home == HomeKind::persistent;
  for (const auto& bind : files.binds)
    // Building in the home directory would otherwise lay all of it open, keys and all.
    if (own_home && bind.target == files.home_path)
      return bad(bind.origin, cat(bind.target, " is asked for, but is the home directory, of which the sandbox gets one of its own"),
                 "change to a directory below it, or use filesystem.home = \"host\" if all of the home is meant");
  return {};
}

}  // namespace sbx
