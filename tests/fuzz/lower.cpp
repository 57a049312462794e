// A profile and a caller made of the input: a spec whose paths are clean, or an error of one line; never a spec that
// validates and yet reaches what no profile may ask for.
#include "base/text.h"
#include "profile/profile.h"
#include "spec/dump.h"
#include "spec/validate.h"
#include "text.h"

using namespace sbx;
using namespace sbx_fuzz;

namespace {

void check_valid(const SandboxSpec& spec, const Profile& profile) {
  const auto clean = [](const std::string& path) { return path.starts_with('/') && normalize_path(path) == path; };
  for (const auto& bind : spec.filesystem.binds) {
    require(clean(bind.source) && clean(bind.target), "the paths of a bind are clean");
    require(bind.source != "/" && !is_at_or_below(bind.source, "/proc"), "no bind of the host's / or /proc");
    require(!is_at_or_below(bind.target, "/proc"), "nothing is put over /proc");
  }
  for (const auto& hide : spec.filesystem.hides) require(clean(hide.path) && hide.path != "/", "a hidden path is clean");
  require(spec.filesystem.home == HomeKind::none || (clean(spec.filesystem.home_path) && spec.filesystem.home_path != "/"), "a home is clean");
  require(spec.namespaces.net == (spec.network.mode == NetworkMode::none), "no network means a namespace of its own");
  for (const auto& variable : spec.environment) require(variable.find('\0') == variable.npos && variable.find('=') > 0, "a variable is NAME=value");
  require(!spec.seccomp.default_deny || !spec.seccomp.allow.empty(), "a filter lets something through");
  if (profile.seccomp_default == std::nullopt) require(spec.seccomp.default_deny, "an unsaid default is deny");
  for (const auto& limit : spec.rlimits) require(limit.soft <= limit.hard, "soft is not above hard");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto input = text(data, size);
  CallerContext caller;
  caller.uid = caller.gid = 1000;
  // The profile first, then lines of the caller's.
  const auto profile = parse_profile(take_part(input), "fuzz.toml");
  if (!profile) return 0;
  const auto lines = split(input, '\n');
  const auto line = [&](std::size_t n, const char* otherwise) { return std::string(n < lines.size() ? lines[n] : otherwise); };
  caller.home = line(0, "/home/ann");
  caller.runtime_dir = line(1, "/run/user/1000");
  caller.cwd = line(2, "/home/ann/project");
  if (!caller.cwd.starts_with('/')) caller.cwd.clear();
  caller.user_name = line(3, "ann");
  caller.state_dir = "/home/ann/.local/state/sbx";
  caller.environment = {line(4, "TERM=xterm"), line(5, "LANG=C"), "HOME=" + caller.home};
  const auto spec = lower_profile(*profile, caller, {"true"}, "id");
  if (!spec) {
    const auto message = format_error(spec.error());
    require(message.find('\n') == message.npos, "an error is one line");
    return 0;
  }
  require(*spec == *lower_profile(*profile, caller, {"true"}, "id"), "lowering is a function");
  require(diff_dumps(dump_spec(*spec), dump_spec(*spec)).empty(), "a dump doesn't differ from itself");
  if (validate_run(*spec)) check_valid(*spec, *profile);
  return 0;
}
