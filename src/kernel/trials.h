// Namespaces, mounts and a filter, really made: what a sysctl or a version says isn't what a container allows.
#pragma once

namespace sbx {

// The errno of something tried: 0 it works, -1 it wasn't come to.
struct HostTrials {
  int user_namespace = -1;
  int mount = -1, pid = -1, net = -1, ipc = -1, uts = -1, cgroup = -1, time = -1;  // namespaces
  int tmpfs = -1, proc = -1, overlay = -1;   // mounts within them
  int seccomp = -1;                          // a filter under no_new_privs
  bool timed_out = false;
};

// In a child, in namespaces and over a tmpfs of its own, for at most 5 s; the host sees nothing of it.
HostTrials run_trials();

}  // namespace sbx
