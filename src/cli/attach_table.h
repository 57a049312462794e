// The row of `sbx attach` in the table of commands.
#pragma once
#include "cli/command_table.h"

namespace sbx {
const Command& attach_command_table();
}  // namespace sbx
