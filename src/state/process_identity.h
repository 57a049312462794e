// What tells a process from a later one with the same pid.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace sbx {
// The pidfd's inode on pidfs (Linux 6.9), unique since boot; 0: an older kernel.
std::uint64_t pidfd_inode(int pidfd);
// Field 22 of /proc/PID/stat; 0: no such process.
std::uint64_t start_time_of(pid_t pid);
}  // namespace sbx
