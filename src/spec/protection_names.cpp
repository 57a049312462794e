#include "spec/sandbox_spec.h"

namespace sbx {
const std::vector<std::string_view> protection_names = {
    "user",   "mount", "pid", "net", "ipc", "uts", "cgroup",       "time",    "seccomp", "landlock",
    "scope",  "memory", "cpu", "pids", "io", "capabilities", "rlimits", "keyring", "proc"};
}  // namespace sbx
