// Finds, opens and merges profiles by name or path, `extends` and all. load.cpp reads files: it belongs to sbx_sys.
#pragma once
#include "profile/profile.h"

namespace sbx {
struct ProfileLocation { std::string name, path, directory; bool shadowed = false; };
// $XDG_CONFIG_HOME/sbx/profiles (or ~/.config), /etc/sbx/profiles, the installed profiles ($SBX_PROFILE_PATH, colon
// separated, replaces all three; ignored where privileges differ (AT_SECURE)).
std::vector<std::string> profile_directories();
std::vector<ProfileLocation> list_profiles();
// Refused: others can write the file or its directory (mode, or an owner that is neither root nor the caller),
// larger than 1 MiB, no regular file, a cycle or more than 32 levels of `extends`.
Result<Profile> load_profile(const std::string& name_or_path);
// For who wants to know of every error in it and in what it extends: goes on after each; what could be read comes back.
Profile load_profile(const std::string& name_or_path, std::vector<Error>& errors);
// Several, in order, later ones over earlier; each file is merged once, where it is first met, so that two profiles
// that extend `base` don't put base's values back over what came between. The name is the first one's.
Result<Profile> load_profiles(const std::vector<std::string>& names_or_paths);
}  // namespace sbx
