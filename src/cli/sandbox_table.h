// The rows of the commands that look at and act on running sandboxes.
#pragma once
#include <span>

#include "cli/command_table.h"

namespace sbx {
std::span<const Command> sandbox_command_tables();
}  // namespace sbx
