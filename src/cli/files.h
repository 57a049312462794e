// Small files read whole, with a limit; files written to.
#pragma once
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx {
// A regular file or a pipe of at most 1 MiB (so that -p <(...) and --env-file /dev/stdin work).
Result<std::string> read_small_file(const std::string& path);
// The caller's own, made where absent. `extra_flags`: of open(2).
Result<UniqueFd> open_output_file(const std::string& path, int extra_flags);
}  // namespace sbx
