// The receipt: what the plan asked for beside what the kernel is found to enforce, read from outside while the payload
// waits before exec. What the kernel shows to nobody (Landlock, the keyring; the filter's text but to root) is told as
// the payload's own word: each of these steps stops the launch when it fails, and the payload waits behind them.
#pragma once
#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "kernel/cgroup.h"
#include "launch/exit_report.h"
#include "plan/launch_plan.h"

namespace sbx {

struct ReceiptInput {
  const LaunchPlan& plan;
  pid_t payload = 0;               // as the launcher sees it; waits before exec, and dumpable (prctl(2)): /proc/PID/ns
  const Cgroup* cgroup = nullptr;  // null: it got none
};

// Never fails: what can't be read isn't enforced.
std::vector<ReceiptItem> read_receipt(const ReceiptInput& input);

// Ok where each name of `require` ([fallback] require) has an item and all its items are enforced; else the Error
// (Step::verify_receipt) of the first that falls short.
Result<> require_receipt(const std::vector<ReceiptItem>& receipt, const std::vector<std::string>& require);

}  // namespace sbx
