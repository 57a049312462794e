// The row of `sbx exec` in the table of commands.
#pragma once
#include "cli/command_table.h"

namespace sbx {
const Command& exec_command_table();
}  // namespace sbx
