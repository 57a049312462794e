// ExitReport: how a sandbox ended, what it used, and the receipt: what was asked for beside what was found enforced.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/step_times.h"
#include "kernel/cgroup.h"
#include "plan/launch_plan.h"

namespace sbx {

// One line of the receipt, read back from the kernel while the payload waits before exec.
struct ReceiptItem {
  std::string protection;   // of protection_names, or "mounts", "filter", "no_new_privs", "ids"
  std::string asked;        // "new pid namespace", "memory.max=536870912", "CapEff=0"
  std::string found;        // "pid:[4026532289]", "536870912", "0000000000000000"
  bool enforced = false;
};

enum class Ending : std::uint8_t { exited, signalled, out_of_memory, timed_out };

struct ExitReport {
  Ending ending = Ending::exited;
  int exit_code = 0;               // with exited
  int signal = 0;                  // with signalled and out_of_memory
  std::string scope;               // the unit's name; empty: none
  std::uint64_t exec_ns = 0;       // CLOCK_MONOTONIC, right after exec
  std::uint64_t wall_time_us = 0;  // from exec to the payload's end
  std::uint64_t setup_time_us = 0; // from the start of the launch to exec
  std::uint64_t user_time_us = 0, system_time_us = 0, max_rss_bytes = 0;  // rusage of the whole sandbox
  CgroupStatistics cgroup;
  CgroupSpec limits;               // what was asked for, to explain a kill
  std::vector<ReceiptItem> receipt;
  std::vector<Loss> losses;
  StepTimes steps;
};

// The payload's own; 128+n for a signal; 124 for a timeout (as timeout(1)).
int exit_status(const ExitReport& report);

}  // namespace sbx
