// The sandbox's cgroup during one launch: made or asked for, verified, read, and gone at the end.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <sys/types.h>

#include "kernel/cgroup.h"
#include "launch/companion.h"
#include "kernel/cgroup_limits.h"
#include "launch/exit_report.h"
#include "plan/launch_plan.h"
#include "systemd/scope.h"

namespace sbx {

class LaunchCgroup {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  explicit LaunchCgroup(const LaunchPlan& plan) : plan_(plan) {}

  // Before the clone: a sub-cgroup with its limits written and found in force. Nothing for a scope.
  Result<> make();
  int clone_into() const { return cgroup_ && !scope_ ? cgroup_->fd() : -1; }
  // After the clone: asks for a scope around the child and its helpers, and doesn't wait. `announce` is called before the
  // manager can act.
  Result<> request(pid_t child, int pidfd, const std::vector<HelperProcess>& helpers, Deadline deadline,
                   const std::function<Result<>()>& announce);
  // Waits for the scope and reads its limits back. A scope that the plan can do without and can't be had is a loss.
  Result<> verify(pid_t child, Deadline deadline, const std::function<void(const Loss&)>& on_loss);
  // For helpers, and for kernels without CLONE_INTO_CGROUP: moves a process into a sub-cgroup.
  Result<> move(pid_t process);

  bool exists() const { return cgroup_.has_value(); }
  // The sandbox's own: whatever is done to it meets nobody else.
  const Cgroup* cgroup() const { return cgroup_ ? &*cgroup_ : nullptr; }
  // The same, or the unit's that it shares with sbx: for reading.
  const Cgroup* readable() const { return shared_ ? &*shared_ : cgroup(); }
  std::string scope_name() const;
  // The end: kills what is left, stops the scope where the launch failed, removes a sub-cgroup.
  void end(bool failed);

 private:
  Result<> hold(std::vector<LimitReading> readings, const std::function<void(const Loss&)>& on_loss);
  Result<> hold_properties(const std::function<void(const Loss&)>& on_loss);
  Result<> lose(Error error, const std::function<void(const Loss&)>& on_loss);

  const LaunchPlan& plan_;
  bool scope_ = false;
  std::optional<ScopeJob> job_;
  std::optional<Error> job_error_;
  std::optional<Cgroup> cgroup_, shared_;
};

}  // namespace sbx
