// `sbx help`
#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> help_command(const ParsedLine& line);
}  // namespace sbx
