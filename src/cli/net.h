// `sbx net`
#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> net_command(const ParsedLine& line);
}  // namespace sbx
