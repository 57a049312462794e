// clone3(2) (5.3), and clone(2) where it is missing or a container's filter hides it.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace sbx {

struct CloneRequest {
  std::uint64_t flags = 0;   // CLONE_NEW*
  int cgroup = -1;           // an open cgroup directory to start in (5.7); -1: the caller's
};
// As fork: 0 in the child, the pid in the parent with *pidfd set, -errno on failure. -ENOSYS with a cgroup: the kernel
// can't place the child, the caller moves it. The caller has one thread, so that the child may use libc with care.
pid_t clone_process(const CloneRequest& request, int* pidfd);

// Runs `function` in a child that shares the caller's memory and holds the caller until it execs or exits
// (CLONE_VM | CLONE_VFORK): no page is copied. `stack`: its top, 16-byte aligned. -errno on failure.
pid_t vfork_process(int (*function)(void*), void* argument, void* stack);

}  // namespace sbx
