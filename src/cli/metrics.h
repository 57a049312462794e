#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> metrics_command(const ParsedLine& line);
}
