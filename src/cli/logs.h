#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> logs_command(const ParsedLine& line);
}
