// The row of `sbx net` in the table of commands.
#pragma once
#include "cli/command_table.h"

namespace sbx {
const Command& net_command_table();
}  // namespace sbx
