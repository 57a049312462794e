// `sbx doctor [--json]`: what this host offers. Prints it; the status is 1 where `sbx run` can't work here.
#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> doctor_command(const ParsedLine& line);
}  // namespace sbx
