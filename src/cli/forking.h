// Type=forking of systemd.service(5): the process that the manager waits for ends once the command's first process has
// left a daemon behind; another sbx, which the manager then takes for the main process, stays with that.
#pragma once
#include "base/result.h"
#include "base/unique_fd.h"
#include "plan/launch_plan.h"

namespace sbx {

class Forking {
 public:
  // Returns in the new process alone. The caller's waits for announce() and exits with 0; where the new process ends
  // before, it exits with the same status.
  static Result<Forking> start(const LaunchPlan& plan);
  void announce();

 private:
  explicit Forking(UniqueFd announcement) : announcement_(std::move(announcement)) {}
  UniqueFd announcement_;
};

}  // namespace sbx
