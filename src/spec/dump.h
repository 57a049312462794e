// A SandboxSpec as JSON, for `sbx profile show --effective`, golden files and comparison.
#pragma once
#include <string>

#include "spec/sandbox_spec.h"

namespace sbx {
std::string dump_spec(const SandboxSpec& spec);
// What differs between two dumps, origins apart: "- path = value" and "+ path = value" lines in order; empty where
// nothing does. For `sbx profile diff`.
std::string diff_dumps(const std::string& before, const std::string& after);
}  // namespace sbx
