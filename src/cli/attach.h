// `sbx attach`
#pragma once
#include "cli/options.h"

namespace sbx {
Result<int> attach_command(const ParsedLine& line);
// "ctrl-p,ctrl-q", as podman-attach(1) writes keys: single characters, or ctrl- and one of a-z @ ^ [ \ ] _. Empty: none. Pure.
Result<std::string> parse_detach_keys(std::string_view text);
}  // namespace sbx
