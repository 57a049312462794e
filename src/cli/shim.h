#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> shim_install_command(const ParsedLine& line);
Result<int> shim_list_command(const ParsedLine& line);
Result<int> shim_remove_command(const ParsedLine& line);
}  // namespace sbx
