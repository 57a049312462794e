// Fault injection: lets tests make any Step fail. The installed program links the empty version.
#pragma once
#include "base/step.h"
namespace sbx {
// Reads SBX_FAULT ("STEP" or "STEP:ERRNO") once, before clone; in the installed program it does nothing.
void load_faults();
// The errno with which `step` is to fail, or 0. Async-signal-safe.
int fault_at(Step step);
}  // namespace sbx
