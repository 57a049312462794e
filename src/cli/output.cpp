#include "cli/output.h"

#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace sbx {

Result<> write_all(int fd, std::string_view text, std::string_view where) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(Step::write_report, errno, std::string(where));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> print(std::string_view text) { return write_all(STDOUT_FILENO, text, "standard output"); }

void complain(std::string_view text) {
  (void)write_all(STDERR_FILENO, cat("sbx: ", escape_control(text), "\n"), "standard error");
}

void print_error(const Error& error) { complain(format_error(error)); }

}  // namespace sbx
