// Brings a process into a cgroup that a service manager has delegated.
#pragma once
#include <chrono>
#include <string>
#include <sys/types.h>

#include "base/result.h"

namespace sbx {

// AttachProcessesToUnit: the manager of a unit with Delegate=yes moves processes of the caller's own there, and a user's
// manager that may not asks the system's. Waits for its answer until the deadline.
Result<> attach_process(const std::string& cgroup, pid_t pid, std::chrono::steady_clock::time_point deadline);

}  // namespace sbx
