// What no front may ask for: contradictions within a SandboxSpec, found before anything is made.
#pragma once
#include "base/result.h"
#include "spec/sandbox_spec.h"

namespace sbx {
Result<> validate_spec(const SandboxSpec& spec);
}  // namespace sbx
