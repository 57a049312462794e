#include "base/text.h"
#include "cli/caller.h"
#include "cli/output.h"
#include "cli/profile_commands.h"
#include "profile/load.h"
#include "spec/dump.h"
#include "spec/validate.h"

namespace sbx {

Result<SandboxSpec> effective_spec(const Profile& profile, std::vector<Error>* errors) {
  // The place of the command line's words; a profile's own argv stands.
  const auto argv = profile.argv ? std::vector<std::string>{} : std::vector<std::string>{"COMMAND"};
  SBX_ASSIGN(auto spec, lower_profile(profile, read_caller(), argv, "ID", errors));
  if (errors == nullptr || errors->empty()) SBX_TRY(validate_spec(spec));
  return spec;
}

Result<int> profile_show_command(const ParsedLine& line) {
  if (line.words.empty())
    return fail(usage_error("sbx profile show needs a profile", "sbx profile list shows those there are"));
  SBX_ASSIGN(auto profile, load_profiles(line.words));
  for (const auto& parsed : line.options) {
    if (parsed.option->name != "set") continue;
    SBX_ASSIGN(const auto setting, parse_setting(parsed.value));
    profile = merge_profiles(std::move(profile), setting);
  }
  std::string text;
  if (line.has("effective") || line.has("json") || line.has("set")) {
    SBX_ASSIGN(const auto spec, effective_spec(profile));
    text = dump_spec(spec);
  } else {
    text = format_profile(profile);
  }
  if (!text.ends_with('\n')) text += '\n';
  SBX_TRY(print(text));
  return 0;
}

}  // namespace sbx
