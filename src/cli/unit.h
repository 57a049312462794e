// `sbx unit`: a unit file for a profile.
#pragma once
#include "base/result.h"
#include "cli/command_table.h"
#include "cli/options.h"

namespace sbx {
const Command& unit_command_table();
Result<int> unit_command(const ParsedLine& line);
}  // namespace sbx
