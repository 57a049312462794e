// One option that stands for profile keys, read into the part of a profile it says. Pure.
#pragma once
#include "cli/options.h"
#include "profile/profile.h"

namespace sbx {
// True where `option` is such a shorthand; reads it into `profile`.
Result<bool> read_shorthand(const ParsedOption& option, Profile& profile);
// --memory-swap counts both: needs to know --memory. To be called when all options were read.
Result<> read_memory_swap(const ParsedOption& swap, Profile& profile);
// "NAME=VALUE" or "NAME", as -e and the lines of --env-file have it.
Result<> read_environment(const std::string& text, const Origin& origin, const std::string& where, Profile& profile);
}  // namespace sbx
