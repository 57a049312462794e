// The row of `sbx run` in the table of commands.
#pragma once
#include "cli/command_table.h"

namespace sbx {
const Command& run_command_table();
}  // namespace sbx
