// `sbx profile list`, `show`, `check` and `diff`: one file each.
#pragma once
#include "cli/options.h"
#include "profile/profile.h"

namespace sbx {
Result<int> profile_list_command(const ParsedLine& line);
Result<int> profile_show_command(const ParsedLine& line);
Result<int> profile_check_command(const ParsedLine& line);
Result<int> profile_diff_command(const ParsedLine& line);
// What a profile comes to for the caller, where no command is given on the line.
// `errors`: as lower_profile has them.
Result<SandboxSpec> effective_spec(const Profile& profile, std::vector<Error>* errors = nullptr);
}  // namespace sbx
