// Small files read whole, with a limit.
#pragma once
#include <string>

#include "base/result.h"

namespace sbx {
// A regular file or a pipe of at most 1 MiB (so that -p <(...) and --env-file /dev/stdin work).
Result<std::string> read_small_file(const std::string& path);
}  // namespace sbx
