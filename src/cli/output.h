// Standard output and error without iostreams: their start-up costs more than all the parsing.
#pragma once
#include <string_view>

#include "base/result.h"

namespace sbx {
// All of `text`, through interruptions and short writes; `where` names the place in the error.
Result<> write_all(int fd, std::string_view text, std::string_view where);
Result<> print(std::string_view text);
// "sbx: text\n" on standard error, control characters escaped; a failure there has nowhere to be told.
void complain(std::string_view text);
void print_error(const Error& error);
}  // namespace sbx
