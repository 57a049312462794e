// `sbx run`
#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> run_command(const ParsedLine& line);
}  // namespace sbx
