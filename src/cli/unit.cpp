#include "cli/unit.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "base/text.h"
#include "cli/caller.h"
#include "cli/output.h"
#include "profile/load.h"
#include "spec/validate.h"
#include "systemd/unit_file.h"

namespace sbx {
namespace {

constexpr std::string_view types[] = {"exec", "oneshot", "notify", "notify-reload", "forking", "simple"};

Result<std::string> own_path() {
  std::array<char, PATH_MAX> buffer;
  const ssize_t length = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (length <= 0) return fail_errno(Step::parse_options, errno, "/proc/self/exe", "mount /proc");
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

// A unit is started from elsewhere: a relative path would be another there.
std::string profile_word(const std::string& name, const CallerContext& caller) {
  const bool is_path = name.find('/') != std::string::npos || name.ends_with(".toml");
  return is_path && !name.starts_with('/') ? normalize_path(cat(caller.cwd, "/", name)) : name;
}

bool binds_here(const SandboxSpec& spec, const CallerContext& caller) {
  return std::ranges::any_of(spec.filesystem.binds, [&](const BindSpec& bind) { return bind.source == caller.cwd; });
}

}  // namespace

Result<int> unit_command(const ParsedLine& line) {
  if (line.words.empty())
    return fail(usage_error("sbx unit needs a profile", "sbx profile list shows those there are"));
  const auto caller = read_caller();
  UnitRequest request;
  if (line.has("user") && line.has("system"))
    return fail(usage_error("--user and --system exclude each other", "leave one of the two out"));
  request.system_manager = line.has("system") || (caller.uid == 0 && !line.has("user"));
  SBX_ASSIGN(request.program, own_path());
  request.options = {"--profile", profile_word(line.words[0], caller)};
  SBX_ASSIGN(auto profile, load_profiles({line.words[0]}));
  for (const auto& parsed : line.options) {
    if (parsed.option->name == "type") {
      if (std::ranges::find(types, parsed.value) == std::end(types))
        return fail(usage_error(cat("--type ", parsed.value, ": sbx can't be a service of that type"), "write exec, oneshot, notify, notify-reload or forking"));
      request.type = parsed.value;
    } else if (parsed.option->name == "as") {
      request.user = parsed.value;
    } else if (parsed.option->name == "set") {
      SBX_ASSIGN(const auto setting, parse_setting(parsed.value));
      profile = merge_profiles(std::move(profile), setting);
      request.options.insert(request.options.end(), {"--set", parsed.value});
    }
  }
  if (!request.user.empty() && !request.system_manager)
    return fail(usage_error("--as is for a system unit", "add --system, or leave it out: the user's manager runs all as that user"));
  if (request.type == "forking") request.options.emplace_back("--forking");
  request.command.assign(line.words.begin() + 1, line.words.end());
  SBX_ASSIGN(const auto spec, lower_profile(profile, caller, request.command, "ID"));
  SBX_TRY(validate_run(spec));
  if (binds_here(spec, caller)) request.working_directory = caller.cwd;
  SBX_TRY(print(unit_file(spec, request)));
  return 0;
}

}  // namespace sbx
