// The limits of a spec in a cgroup: written, and read back to see whether they hold.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/cgroup.h"
#include "spec/sandbox_spec.h"

namespace sbx {

// One limit that was asked for beside what the cgroup's file says.
struct LimitReading {
  std::string file;        // "memory.max"
  std::string controller;  // "memory": the name in [fallback]
  std::string asked;       // as written to the file
  std::string found;       // the file's content; "absent" where there is no such file
  bool enforced = false;
  std::string cause;       // why it isn't enforced, and the way out; empty where it is
  std::string remedy;
};

// Every limit that `limits` asks for, in the order of writing; empty where it asks for none. Never fails: a file that
// can't be read is a limit that isn't enforced.
std::vector<LimitReading> read_limits(const Cgroup& cgroup, const CgroupSpec& limits);
// The same for a sandbox that stays in the cgroup `path` of the service `unit`, which others made: a limit holds where the
// unit's own, or one of a slice above it, is as tight.
std::vector<LimitReading> read_unit_limits(const std::string& path, const std::string& unit, const CgroupSpec& limits);
// Ok where each of `readings` is enforced; else the Error (Step::verify_limits) of the first that isn't.
Result<> require_limits(const std::vector<LimitReading>& readings);
// Writes every limit: for a cgroup that Cgroup::make made.
Result<> write_limits(const Cgroup& cgroup, const CgroupSpec& limits);

}  // namespace sbx
