// The options of `sbx shim`.
#pragma once
#include <span>

#include "cli/command_table.h"

namespace sbx {
std::span<const Command> shim_command_table();
}
