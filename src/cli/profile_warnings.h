// What is allowed in a profile but has no effect, or more than its writer may think. Pure.
#pragma once
#include <string>
#include <vector>

#include "profile/profile.h"

namespace sbx {
std::vector<std::string> profile_warnings(const Profile& profile, const SandboxSpec& spec);
}  // namespace sbx
