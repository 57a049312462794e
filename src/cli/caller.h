// CallerContext from the process: ids, passwd, environment, working directory.
#pragma once
#include "profile/profile.h"

namespace sbx {
CallerContext read_caller();
// $XDG_RUNTIME_DIR/sbx/filters or /run/user/UID/sbx/filters; empty where there is neither. Not below ~/.cache: whoever
// lets a sandbox write there, for a compiler's cache, would let it replace the filter of the next one.
std::string filter_cache_directory(const CallerContext& caller);
}  // namespace sbx
