// The sandbox's cgroup: sub-cgroups made directly, values read back, statistics, the end of all processes (cgroups(7)).
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx {

// The path in the v2 hierarchy of a process, from /proc/PID/cgroup ("0::/..."); pid 0 is the caller.
Result<std::string> cgroup_of(pid_t pid);
// Where the v2 hierarchy is mounted: "/sys/fs/cgroup", "/sys/fs/cgroup/unified", or empty.
std::string cgroup_mount();

struct CgroupStatistics {
  std::optional<std::uint64_t> memory_peak, memory_max, oom_kills, pids_peak, pids_max_hits;
  std::optional<std::uint64_t> cpu_usage_us, throttled_us, throttled_periods, io_read_bytes, io_write_bytes;
};

// An open cgroup directory. Owns the descriptor.
class Cgroup {
 public:
  static Result<Cgroup> open(const std::string& path);
  // Makes `name` below `parent` and enables the controllers it needs in the parent's cgroup.subtree_control (moving
  // the caller's own processes into a leaf first where "no internal processes" asks for it).
  static Result<Cgroup> make(const std::string& parent, const std::string& name,
                             const std::vector<std::string>& controllers);
  int fd() const { return directory_.get(); }
  const std::string& path() const { return path_; }
  Result<std::string> read(const char* file) const;   // without the final newline
  Result<> write(const char* file, const std::string& value) const;
  CgroupStatistics statistics() const;                // what the kernel offers; never fails
  // cgroup.kill (5.14), or SIGKILL to every member until none is left.
  Result<> kill() const;
  // Removes the directory where sbx made it; waits up to a second for the last process to go.
  Result<> remove() const;

 private:
  UniqueFd directory_;
  std::string path_;
};

}  // namespace sbx
