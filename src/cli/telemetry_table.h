// The options of `sbx logs` and `sbx metrics`.
#pragma once
#include <span>

#include "cli/command_table.h"

namespace sbx {
std::span<const Command> telemetry_command_table();
}
