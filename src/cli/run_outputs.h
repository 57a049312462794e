// Where `sbx run` writes besides the command's own output: the report and the status descriptor.
#pragma once
#include "base/unique_fd.h"
#include "cli/run_options.h"
#include "launch/exit_report.h"

namespace sbx {

class RunOutputs {
 public:
  // Checks the descriptors the options name and opens the report's file: before anything else is opened, so that a
  // number that is not the caller's own can't be one of sbx's.
  static Result<RunOutputs> open(const RunRequest& request);
  int status_fd() const { return status_.get(); }
  Result<> write(const ExitReport& report) const;
  // The command never started: {"error":...} lines in place of the others.
  void write_failure(const Error& error) const;

 private:
  Result<> write_report(std::string_view text) const;
  ReportForm form_ = ReportForm::none;
  int report_fd_ = -1;
  UniqueFd own_, status_;
  bool is_file_ = false;
  std::string report_name_;
};

}  // namespace sbx
