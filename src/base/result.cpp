#include "base/result.h"

#include "base/text.h"

namespace sbx {

std::string format_error(const Error& error) {
  std::string line = cat("cannot ", step_action(error.step), ": ", error.what);
  if (error.errno_value != 0) line += cat(": ", errno_text(error.errno_value));
  if (!error.hint.empty()) line += cat("; ", error.hint);
  line += cat(" [", step_name(error.step), "]");
  return escape_control(line);
}

int exit_status(const Error& error) {
  switch (error.kind) {
    case ErrorKind::not_executable: return 126;
    case ErrorKind::not_found: return 127;
    default: return 125;
  }
}

}  // namespace sbx
