// Profile to SandboxSpec: paths expanded, defaults filled in. What a profile doesn't say is the strictest there is.
#include <algorithm>

#include "base/text.h"
#include "profile/fields.h"
#include "profile/lower_internal.h"
#include "spec/capability_names.h"

namespace sbx {
namespace {

Result<> complain(const Origin& origin, std::string_view key, std::string_view value, const Complaint& complaint) {
  if (!complaint) return {};
  return lower_error(origin, cat(key, " is \"", value, "\", and must be ", *complaint));
}

// Profiles that the command line's shorthands made didn't pass the parser: every value is held against its check.
Result<> check_values(const Profile& profile) {
  auto& readable = const_cast<Profile&>(profile);  // the accessors serve writers and readers alike
  for (const auto& field : profile_fields()) {
    const auto check = [&]<typename Kind>(const Kind& kind) -> Result<> {
      const auto& value = kind.at(readable);
      if constexpr (std::is_same_v<Kind, TextField>) {
        if (value) return complain(value->origin, field.key, value->value, kind.check(value->value));
      } else if constexpr (std::is_same_v<Kind, TextListField>) {
        for (const auto& item : value)
          SBX_TRY(complain(item.origin, field.key, item.value,
                           kind.check(std::string_view(item.value).substr(item.value.starts_with('!') ? 1 : 0))));
      } else if constexpr (std::is_same_v<Kind, TextEntryField>) {
        const auto said = value.find(field.entry());
        if (said != value.end())
          return complain(said->second.origin, field.key, said->second.value, kind.check(said->second.value));
      } else if constexpr (std::is_same_v<Kind, OpenTableField>) {
        for (const auto& [name, said] : value)
          if (const auto complaint = kind.check_name(name))
            return lower_error(said.origin, cat(field.key, ".", name, " must be ", *complaint));
      } else if constexpr (std::is_same_v<Kind, TmpfsListField>) {
        for (const auto& [tmpfs, origin] : value)
          if (!tmpfs.size.empty()) SBX_TRY(complain(origin, "filesystem.tmpfs.size", tmpfs.size, check_size(tmpfs.size)));
      }
      return {};
    };
    SBX_TRY(std::visit(check, field.kind));
  }
  return {};
}

std::unexpected<Error> not_built(const Origin& origin, std::string_view what, std::string hint) {
  return fail(Step::lower_profile, ErrorKind::unsupported, cat(origin, ": ", what, " is part of the format, but not built yet"),
              std::move(hint));
}

// Never ignored: a sandbox that lacks what its profile names would be another one than was asked for.
Result<> refuse_unbuilt(const Profile& profile) {
  const auto list = [](const List<std::string>& items, std::string_view key) -> Result<> {
    const auto rest = settled(items);
    if (rest.empty()) return {};
    return not_built(rest[0].origin, key, cat("remove ", key, " from the profile"));
  };
  SBX_TRY(list(profile.filesystem.overlay, "filesystem.overlay"));
  for (const auto& [name, said] : profile.desktop)
    if (said.value) return not_built(said.origin, cat("desktop.", name), cat("set desktop.", name, " = false"));
  SBX_TRY(list(profile.dbus_talk, "dbus.session.talk"));
  return list(profile.dbus_own, "dbus.session.own");
}

void lower_namespaces(const Profile& profile, NamespacesSpec& out) {
  const std::pair<const char*, bool*> flags[] = {
      {"user", &out.user}, {"mount", &out.mount}, {"pid", &out.pid}, {"net", &out.net}, {"ipc", &out.ipc},
      {"uts", &out.uts}, {"cgroup", &out.cgroup}, {"time", &out.time}, {"nested", &out.nested}};
  for (const auto& [name, flag] : flags)
    if (const auto said = profile.namespaces.find(name); said != profile.namespaces.end()) *flag = said->second.value;
}

void lower_identity(const Profile& profile, const CallerContext& caller, SandboxSpec& spec) {
  auto& out = spec.identity;
  out.uid = caller.uid;
  out.gid = caller.gid;
  if (profile.user && profile.user->value == "root") {
    out.uid = out.gid = 0;
  } else if (profile.user && profile.user->value != "self") {
    out.uid = out.gid = static_cast<std::uint32_t>(parse_number(profile.user->value).value_or(65534));
  }
  // Without a UTS namespace there is no name to set; one that is asked for all the same is validate's to refuse.
  if (profile.hostname) out.hostname = profile.hostname->value;
  else if (!spec.namespaces.uts) out.hostname.clear();
  if (profile.subids) out.subids = profile.subids->value;
}

void lower_seccomp(const Profile& profile, SeccompSpec& out) {
  const auto words = [&](const List<std::string>& list) {
    std::vector<std::string> all;
    for (auto& item : settled(list)) {
      out.origins[item.value] = std::move(item.origin);
      all.push_back(std::move(item.value));
    }
    return all;
  };
  out.origin = profile.seccomp_default ? profile.seccomp_default->origin : "default";
  if (profile.seccomp_default) out.default_deny = profile.seccomp_default->value == "deny";
  out.allow = words(profile.seccomp_allow);
  out.deny = words(profile.seccomp_deny);
  if (profile.seccomp_errno)
    out.action = profile.seccomp_errno->value == "kill"  ? SeccompErrno::kill
                 : profile.seccomp_errno->value == "log" ? SeccompErrno::log
                                                         : SeccompErrno::eperm;
  if (auto all = words(profile.architectures); !all.empty()) out.architectures = std::move(all);
}

std::vector<std::string> names(const List<std::string>& list) {
  std::vector<std::string> out;
  for (const auto& item : settled(list)) out.push_back(item.value);
  return out;
}

// "net_admin" and "CAP_NET_ADMIN" are one, also where "!net_admin" takes it away.
std::vector<std::string> capabilities(List<std::string> list) {
  for (auto& [value, origin] : list) {
    const bool removes = value.starts_with('!');
    value = cat(removes ? "!" : "", canonical_capability(std::string_view(value).substr(removes ? 1 : 0)));
  }
  return names(list);
}

// True where `path` of the host is bound to the same path inside.
bool shows(const SandboxSpec& spec, const std::string& path) {
  return !path.empty() && std::ranges::any_of(spec.filesystem.binds, [&](const BindSpec& bind) {
    return bind.source == bind.target && is_at_or_below(path, bind.target);
  });
}

}  // namespace

Result<SandboxSpec> lower_profile(const Profile& profile, const CallerContext& caller,
                                  const std::vector<std::string>& argv, const std::string& id, std::vector<Error>* errors) {
  // One part's error keeps no other part from being looked at.
  const auto part = [errors](Result<> result) -> Result<> {
    if (result || errors == nullptr) return result;
    errors->push_back(std::move(result).error());
    return {};
  };
  SBX_TRY(check_values(profile));
  SBX_TRY(refuse_unbuilt(profile));
  SandboxSpec spec;
  spec.profile = profile.name.empty() ? "profile" : profile.name;
  spec.name = id;
  if (!argv.empty()) spec.argv = argv;
  else if (profile.argv) spec.argv = profile.argv->value;
  if (profile.workdir) {
    SBX_ASSIGN(spec.workdir, expand_path(profile.workdir->value, "command.workdir", profile.workdir->origin, caller));
    spec.workdir_required = true;
  }
  lower_namespaces(profile, spec.namespaces);
  lower_identity(profile, caller, spec);
  SBX_TRY(part(lower_network(profile, spec)));
  SBX_TRY(part(lower_filesystem(profile, caller, spec)));
  // Whoever shows the directory they are in wants to work in it.
  if (!profile.workdir && shows(spec, caller.cwd)) spec.workdir = caller.cwd;
  SBX_TRY(part(lower_environment(profile, caller, spec)));
  SBX_TRY(part(lower_cgroup(profile, spec)));
  SBX_TRY(part(lower_rlimits(profile, spec)));
  SBX_TRY(part(lower_limits(profile, spec)));
  lower_scope(profile, id, spec);
  lower_seccomp(profile, spec.seccomp);
  spec.capabilities = capabilities(profile.capabilities);
  if (profile.landlock)
    spec.landlock = profile.landlock->value == "require" ? LandlockMode::require
                    : profile.landlock->value == "off"   ? LandlockMode::off
                                                         : LandlockMode::automatic;
  spec.require = names(profile.require);
  spec.accept = names(profile.accept);
  // What is required by a key of its own isn't accepted to be lost because a profile further down said so.
  if (spec.scope.mode == ScopeMode::require) std::erase(spec.accept, "scope");
  if (spec.landlock == LandlockMode::require) std::erase(spec.accept, "landlock");
  return spec;
}

}  // namespace sbx
