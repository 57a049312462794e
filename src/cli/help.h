// Help texts, from the table of commands and the table of profile keys.
#pragma once
#include <string>

#include "cli/command_table.h"

namespace sbx {
std::string overview();
std::string help_text(const Command& command);
// The keys of a profile; `word` limits them to those that start with it. Empty where there is none.
std::string keys_text(std::string_view word);
// "-p, --profile NAME|FILE".
std::string option_heading(const OptionInfo& option);
// "run [OPTION...] [--] [COMMAND [ARGUMENT...]]".
std::string usage_line(const Command& command);
}  // namespace sbx
