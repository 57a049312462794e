// What no front may ask for: contradictions within a SandboxSpec, found before anything is made.
#pragma once
#include "base/result.h"
#include "spec/sandbox_spec.h"

namespace sbx {
Result<> validate_spec(const SandboxSpec& spec);
// That, and what is no run either: a profile of limits alone, to be merged with another, is fine as a profile, and so
// is one of the current directory while that happens to be the home.
Result<> validate_run(const SandboxSpec& spec);
}  // namespace sbx
