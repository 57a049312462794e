// A SandboxSpec as JSON, for `sbx profile show --effective`, golden files and comparison.
#pragma once
#include <string>

#include "spec/sandbox_spec.h"

namespace sbx {
std::string dump_spec(const SandboxSpec& spec);
}  // namespace sbx
