// pidfds (pidfd_open(2)): 5.3.
#pragma once
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

namespace sbx {
// 0 or -errno.
int pidfd_signal(int pidfd, int signal);
// Waits for the child behind `pidfd`, or for `pid` where the kernel lacks P_PIDFD (5.4): its siginfo and its rusage
// with that of the children it waited for. 0 or -errno.
int wait_child(int pidfd, pid_t pid, siginfo_t* info, rusage* usage);
}  // namespace sbx
