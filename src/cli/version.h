// `sbx version`
#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> version_command(const ParsedLine& line);
}  // namespace sbx
