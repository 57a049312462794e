// The registry's companion of a launch, as `sbx run` wants it.
#pragma once
#include "cli/run_options.h"
#include "state/registration.h"

namespace sbx {
// Without a registry a sandbox runs all the same; one that was named, to be found again, says that it won't be.
Result<std::unique_ptr<Registration>> register_sandbox(const RunRequest& request, const SandboxSpec& spec, const std::string& id);
}  // namespace sbx
