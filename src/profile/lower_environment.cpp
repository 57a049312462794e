// The payload's environment: what `pass` lets through of the caller's, who the payload is, and what `set` says.
#include "base/text.h"
#include "profile/fields.h"
#include "profile/lower_internal.h"

namespace sbx {
namespace {

// `*` stands for any number of characters. Linear in practice: one star is remembered at a time.
bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = pattern.npos;
  std::size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') star = p++, resume = n;
    else if (p < pattern.size() && pattern[p] == name[n]) ++p, ++n;
    else if (star != pattern.npos) p = star + 1, n = ++resume;
    else return false;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string default_path(std::uint32_t uid) {
  return uid == 0 ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : "/usr/local/bin:/usr/bin:/bin";
}

}  // namespace

Result<> lower_environment(const Profile& profile, const CallerContext& caller, SandboxSpec& spec) {
  std::map<std::string, std::string> out;
  out["PATH"] = default_path(spec.identity.uid);
  const auto patterns = settled(profile.environment_pass);
  for (const std::string_view variable : caller.environment) {
    const auto equals = variable.find('=');
    if (equals == variable.npos) continue;
    const auto name = variable.substr(0, equals);
    // Names that no shell could set ("BASH_FUNC_x%%") carry code to bash: they don't pass, whatever the pattern.
    if (check_variable(name)) continue;
    for (const auto& pattern : patterns)
      if (matches(pattern.value, name)) {
        out[std::string(name)] = variable.substr(equals + 1);
        break;
      }
  }
  // Who the payload is follows from the sandbox and not from the caller.
  if (spec.filesystem.home != HomeKind::none) out["HOME"] = spec.filesystem.home_path;
  else out.erase("HOME");
  const std::string user = profile.user && profile.user->value == "root" ? "root"
                           : !profile.user || profile.user->value == "self" ? caller.user_name
                                                                           : std::string();
  for (const char* name : {"USER", "LOGNAME"}) {
    if (user.empty()) out.erase(name);
    else out[name] = user;
  }
  for (const auto& [name, value] : profile.environment_set) {
    if (const auto complaint = check_variable(name))
      return lower_error(value.origin, cat("environment.set.", name, " must be ", *complaint));
    out[name] = value.value;
  }
  for (const auto& [name, value] : out) spec.environment.push_back(cat(name, '=', value));
  return {};
}

}  // namespace sbx
