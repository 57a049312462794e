// Fills HostFacts in: the one place that looks at the host before a launch.
#pragma once
#include <utility>

#include "plan/host_facts.h"

namespace sbx {
// Cheap: a few system calls and reads. Paths are opened with O_PATH alone, which triggers no automount and wakes no
// device.
HostFacts probe_host(const HostQuestions& questions);
// Answers further questions.
void probe_more(const HostQuestions& questions, HostFacts& facts);
// `cgroup` was delegated to this process: it may be divided, where it can be written.
void take_delegation(const std::string& cgroup, HostFacts& facts);
// Major and minor, from uname(2).
std::pair<int, int> kernel_version();
// Mount points of the caller's mount namespace, from /proc/self/mountinfo.
std::vector<std::string> read_mount_points();
// Why this host refuses a user namespace to this caller, as cause and remedy: AppArmor's restriction, a sysctl, the
// limit of user.max_user_namespaces, a container's seccomp filter, chroot. For the error of Step::clone_init and for doctor.
struct Obstacle { std::string cause, remedy; };
Obstacle why_no_user_namespace(int errno_value);
// Why a new /proc can't be mounted in a user namespace here (a container's masked /proc), likewise.
Obstacle why_no_proc(int errno_value);
}  // namespace sbx
