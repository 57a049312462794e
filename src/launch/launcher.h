// Runs a LaunchPlan: the parent's half, in numbered phases. The child's half is child.cpp and init.cpp.
#pragma once
#include <functional>

#include "base/result.h"
#include "kernel/events.h"
#include "launch/companion.h"
#include "launch/exit_report.h"
#include "plan/launch_plan.h"

namespace sbx {

struct LaunchOptions {
  StepTimes steps_before;     // those of the caller's own, to stand in the report with the launch's
  bool receipt = false;        // read the receipt back even where plan.require doesn't ask for it
  int status_fd = -1;          // borrowed; {"pid":N} and {"exit-code":N} lines as JSON; -1: none
  // Borrowed; the payload's 1 and 2; -1: the caller's own, or the sandbox's terminal. Where there is that terminal an `error`
  // says that it is for the payload's 2 as well, whatever the caller's own is.
  int output = -1, error = -1;
  // Called once, when the payload has started, with all that it goes without: the plan's losses, and those that came up
  // during the launch (a scope that no service manager could give). Not called where there is none.
  std::function<void(const std::vector<Loss>&)> on_losses;
  std::vector<Companion> companions;  // told in this order
  // Set: the payload is to become a daemon, and this is called when it has. Else the sandbox ends with its first process.
  std::function<void()> on_daemon;
  int notify_socket = -1;      // borrowed; for the plan's MakeSocket
  Events* events = nullptr;           // borrowed; attended to while the payload runs; null: none
};

// Launches, waits, and returns how it ended; whatever fails before exec is the Error. Must be called with a single
// thread. Nothing is left behind in either case.
Result<ExitReport> launch(LaunchPlan plan, const LaunchOptions& options);

}  // namespace sbx
