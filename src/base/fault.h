// Fault injection: lets tests make any Step fail. The installed program links the empty version.
#pragma once
#include "base/result.h"
#include "base/step.h"
namespace sbx {
// Reads SBX_FAULT ("STEP" or "STEP:ERRNO") once, before clone; in the installed program it does nothing.
void load_faults();
// The errno with which `step` is to fail, or 0. Async-signal-safe.
int fault_at(Step step);
// The same as an Error, for a Step that is no system call.
inline Result<> check_fault(Step step) {
  if (const int error = fault_at(step); error != 0) return fail_errno(step, error, "a fault was asked for");
  return {};
}
}  // namespace sbx
