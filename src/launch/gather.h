// Spec to HostFacts: asks the host what the plan for this spec needs to know, and no more.
#pragma once
#include "plan/host_facts.h"
#include "spec/sandbox_spec.h"

namespace sbx {
HostFacts gather_facts(const SandboxSpec& spec);
}  // namespace sbx
