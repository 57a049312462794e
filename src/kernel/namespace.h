// The namespaces of a process, as descriptors (namespaces(7)).
#pragma once
#include <sched.h>

#include <array>

namespace sbx {

struct NamespaceKind {
  const char* name;  // in /proc/PID/ns
  const char* path;  // the caller's own
  int flag;          // CLONE_NEW*
};
// In the order in which they are joined: the user namespace gives the rights for the rest, and behind the mount namespace
// no path means what it did.
inline constexpr std::array<NamespaceKind, 8> namespace_kinds = {{
    {"user", "/proc/self/ns/user", CLONE_NEWUSER},
    {"cgroup", "/proc/self/ns/cgroup", CLONE_NEWCGROUP},
    {"ipc", "/proc/self/ns/ipc", CLONE_NEWIPC},
    {"uts", "/proc/self/ns/uts", CLONE_NEWUTS},
    {"net", "/proc/self/ns/net", CLONE_NEWNET},
    {"pid", "/proc/self/ns/pid", CLONE_NEWPID},
    {"time", "/proc/self/ns/time", 0x80},  // CLONE_NEWTIME (5.6)
    {"mnt", "/proc/self/ns/mnt", CLONE_NEWNS},
}};

}  // namespace sbx
