// Which processes are a sandbox's: those that descend from its init, since whoever loses its parent inside becomes init's
// child (pid_namespaces(7), PR_SET_CHILD_SUBREAPER). Needs no privilege over them, as looking at namespaces would.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace sbx {

enum class ProcessPlace : std::uint8_t { inside, outside, gone };
// `pid` and `init` in the caller's pid namespace. `gone`: no such process any more.
ProcessPlace place_of_process(pid_t pid, pid_t init);
// Whether a process of the sandbox has this pid as the sandbox itself sees it.
bool process_of_sandbox(pid_t inside, pid_t init);

}  // namespace sbx
