// The receipt: what the plan asked for beside what the kernel is found to enforce, read from outside while the payload
// waits before exec. What the kernel shows to nobody (Landlock, the keyring; the filter's text but to root) is told as
// the payload's own word: each of these steps stops the launch when it fails, and the payload waits behind them.
#pragma once
#include <sys/types.h>

#include <memory>
#include <vector>

#include "base/result.h"
#include "kernel/cgroup.h"
#include "launch/exit_report.h"
#include "plan/launch_plan.h"

namespace sbx {

// Reads in two looks. What can't be read isn't enforced.
class ReceiptReader {
 public:
  // `payload`: its pid as the launcher sees it.
  ReceiptReader(const LaunchPlan& plan, pid_t payload);
  ReceiptReader(ReceiptReader&&) noexcept;
  ~ReceiptReader();
  // While the payload is dumpable (prctl(2)), since /proc/PID/ns and /proc/PID/root are else for root alone to read; it
  // then gives that up and loads its filter.
  void before_filter();
  // While it waits before exec. `cgroup` is null where it got none.
  std::vector<ReceiptItem> after_filter(const Cgroup* cgroup);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Ok where each name of `require` ([fallback] require) has an item and all its items are enforced; else the Error
// (Step::verify_receipt) of the first that falls short.
Result<> require_receipt(const std::vector<ReceiptItem>& receipt, const std::vector<std::string>& require);

}  // namespace sbx
