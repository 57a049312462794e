#include "kernel/clone.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sbx {
namespace {

constexpr std::uint64_t clone_newtime = 0x80;  // CLONE_NEWTIME, of linux/sched.h (5.6)

// Raw clone(2): x86-64 and aarch64 differ in the order of the last two arguments alone, which are null here.
pid_t clone_classic(std::uint64_t flags, int* pidfd) {
  const long pid = ::syscall(SYS_clone, static_cast<unsigned long>(flags | CLONE_PIDFD | SIGCHLD), nullptr, pidfd,
                             nullptr, nullptr);
  return pid < 0 ? -errno : static_cast<pid_t>(pid);
}

}  // namespace

pid_t clone_process(const CloneRequest& request, int* pidfd) {
  clone_args arguments{};
  arguments.flags = request.flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  if (request.cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(request.cgroup);
  }
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid >= 0) return static_cast<pid_t>(pid);
  // clone(2) has no room for CLONE_NEWTIME, whose bit is part of the exit signal's number there.
  if (errno == ENOSYS && request.cgroup < 0 && (request.flags & clone_newtime) == 0) return clone_classic(request.flags, pidfd);
  return -errno;
}

pid_t vfork_process(int (*function)(void*), void* argument, void* stack) {
  const int pid = ::clone(function, stack, CLONE_VM | CLONE_VFORK | SIGCHLD, argument);
  return pid < 0 ? -errno : pid;
}

}  // namespace sbx
