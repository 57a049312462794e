// CallerContext from the process: ids, passwd, environment, working directory.
#pragma once
#include "profile/profile.h"

namespace sbx {
CallerContext read_caller();
// $XDG_CACHE_HOME/sbx/filters or ~/.cache/sbx/filters; empty where there is neither.
std::string filter_cache_directory(const CallerContext& caller);
}  // namespace sbx
