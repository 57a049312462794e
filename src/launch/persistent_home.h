// The home that outlives the sandbox (filesystem.home = "persistent").
#pragma once
#include <string>

#include "base/result.h"

namespace sbx {
// Makes each missing directory of the path, private to the user. Nothing for an empty one.
Result<> make_persistent_home(const std::string& home);
}  // namespace sbx
