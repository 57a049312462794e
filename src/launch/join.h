// Runs one more command in a running sandbox: the parent's half. The child's half is child_join.cpp and init.cpp.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/namespace.h"
#include "plan/launch_plan.h"

namespace sbx {

struct RunningTarget {
  std::string name;                 // for messages
  int init = -1;                    // its pidfd, borrowed
  std::array<UniqueFd, namespace_kinds.size()> namespaces;  // init's, in that order; empty: the caller's own
  std::string cgroup;               // path in the v2 hierarchy; empty: the sandbox has none of its own
  std::uint32_t file_mode_mask = 022;  // the umask
};

struct JoinReport {
  int status = 0;              // exit status; 128+n for a signal
  int signal = 0;              // 0: none
  bool out_of_memory = false;  // by the sandbox's limit
  bool sandbox_ended = false;  // and the command with it
};

// `plan`: the process' half of the sandbox's own launch, with the command, environment, working directory and terminal of
// this one. Whatever fails before exec is the Error. Must be called with a single thread.
Result<JoinReport> join_sandbox(LaunchPlan plan, RunningTarget target);

}  // namespace sbx
