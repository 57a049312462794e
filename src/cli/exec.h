// `sbx exec`
#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> exec_command(const ParsedLine& line);
}  // namespace sbx
