// --trace of `sbx run`: the launch's spans, one line more in the file.
#pragma once
#include "base/step_times.h"
#include "base/unique_fd.h"
#include "cli/run_options.h"
#include "launch/exit_report.h"
#include "telemetry/labels.h"

namespace sbx {

class RunTrace {
 public:
  // Opens the file, where one is asked for. The trace begins here.
  static Result<RunTrace> open(const RunRequest& request);
  // Times of what run.cpp does itself; kept whether or not there is a trace, since the report has them too.
  StepTimes steps;
  SandboxLabels labels;
  Result<> write(const ExitReport& report) const;
  void write_failure(const Error& error) const;

 private:
  UniqueFd file_;
  std::string file_name_;
  std::uint64_t begin_ns_ = StepTimer::now_ns();
};

}  // namespace sbx
