// mdoc(7) from the tables' plain text.
#pragma once
#include <string>
#include <string_view>

#include "cli/command_table.h"

namespace sbx::docs {
// Plain text as lines of mdoc: nothing in it is taken for a macro, a line a sentence as mandoc's style check wants it.
std::string prose(std::string_view text);
// One argument of a macro.
std::string argument(std::string_view text);
std::string heading(std::string_view name, int section, std::string_view date, std::string_view version);
std::string example_list(std::span<const Example> examples);
// An indented literal block; `text` ends with a newline.
std::string literal(std::string_view text);
}  // namespace sbx::docs
