#include "cli/run_outputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/fault.h"
#include "base/text.h"
#include "cli/files.h"
#include "cli/output.h"
#include "launch/report.h"

namespace sbx {
namespace {

Result<> check_fd(std::string_view option, int fd, bool for_writing) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags == -1)
    return fail(usage_error(cat(option, ": no file descriptor ", fd, " is open"),
                            cat("open it in the shell: sbx run ... ", fd, for_writing ? ">FILE" : "<FILE")));
  if (for_writing && (flags & O_ACCMODE) == O_RDONLY)
    return fail(usage_error(cat(option, ": the file descriptor ", fd, " isn't open for writing")));
  return {};
}

// A standard one is given up when the payload runs (leave_standard_pipes): a duplicate stays.
Result<UniqueFd> take_own_fd(std::string_view option, int fd, const std::vector<int>& passed) {
  SBX_TRY(check_fd(option, fd, true));
  // The command could write whatever it likes into it, and be believed.
  if (std::ranges::find(passed, fd) != passed.end())
    return fail(
        usage_error(cat(option, ": the file descriptor ", fd, " is given to the command by --pass-fd as well")));
  UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!own) return fail_errno(Step::parse_options, errno, cat(option, ": a duplicate of the file descriptor ", fd), "raise the limit of open files (ulimit -n)");
  if (fd > STDERR_FILENO) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return own;
}

std::string failure_line(const Error& error) {
  nlohmann::ordered_json line = {{"error", format_error(error)}, {"step", step_name(error.step)}};
  if (error.errno_value != 0) {
    const char* name = ::strerrorname_np(error.errno_value);
    line["errno"] = name != nullptr ? name : std::to_string(error.errno_value);
  }
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<RunOutputs> RunOutputs::open(const RunRequest& request) {
  RunOutputs outputs;
  for (const int fd : request.pass_fds) SBX_TRY(check_fd("--pass-fd", fd, false));
  if (request.status_fd >= 0) {
    SBX_ASSIGN(outputs.status_, take_own_fd("--status-fd", request.status_fd, request.pass_fds));
  }
  const auto& report = request.report;
  outputs.form_ = report.form;
  outputs.report_fd_ = report.fd;
  outputs.report_name_ = cat("file descriptor ", report.fd);
  if (report.form == ReportForm::json && report.file.empty()) {
    SBX_ASSIGN(outputs.own_, take_own_fd("--report", report.fd, request.pass_fds));
    outputs.report_fd_ = outputs.own_.get();
  }
  if (report.file.empty() || request.explain) return outputs;
  SBX_ASSIGN(outputs.own_, open_output_file(report.file, 0));
  outputs.is_file_ = true;
  outputs.report_fd_ = outputs.own_.get();
  outputs.report_name_ = report.file;
  return outputs;
}

Result<> RunOutputs::write_report(std::string_view text) const {
  // What the file held before, or what the command wrote into it meanwhile.
  struct stat status{};
  if (is_file_ && ::fstat(report_fd_, &status) == 0 && S_ISREG(status.st_mode) && ::ftruncate(report_fd_, 0) != 0)
    return fail_errno(Step::write_report, errno, report_name_);
  return write_all(report_fd_, text, report_name_);
}

Result<> RunOutputs::write(const ExitReport& report) const {
  if (form_ == ReportForm::none) return {};
  SBX_TRY(check_fault(Step::write_report));
  auto text = form_ == ReportForm::text ? report_text(report) : report_json(report);
  if (!text.ends_with('\n')) text += '\n';
  return write_report(text);
}

void RunOutputs::write_failure(const Error& error) const {
  const auto line = failure_line(error);
  if (status_) (void)write_all(status_.get(), line, "--status-fd");
  if (form_ == ReportForm::json) (void)write_report(line);
}

}  // namespace sbx
