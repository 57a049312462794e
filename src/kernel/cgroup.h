// The sandbox's cgroup: sub-cgroups made directly, values read back, statistics, the end of all processes (cgroups(7)).
//
// Every path here is a path in the v2 hierarchy as /proc/PID/cgroup gives it ("/user.slice/..."), not in the file system.
#pragma once
#include <cstdint>
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

// Moves the caller into a leaf of `parent`, so that `parent` can pass its controllers on; see Cgroup::make.
Result<> step_aside(const std::string& parent);

struct CgroupStatistics {
  // memory_max: UINT64_MAX is "max". A value that the kernel or the enabled controllers don't offer is unset.
  std::optional<std::uint64_t> memory_peak, memory_max, oom_kills, pids_peak, pids_max_hits;
  std::optional<std::uint64_t> cpu_usage_us, throttled_us, throttled_periods, io_read_bytes, io_write_bytes;
};

// An open cgroup directory. Owns the descriptor.
class Cgroup {
 public:
  // An existing cgroup. Fails where the hierarchy isn't mounted, and on a path that leaves the caller's cgroup namespace.
  static Result<Cgroup> open(const std::string& path);
  // Makes `name` below `parent` and enables the controllers it needs in the parent's cgroup.subtree_control. A parent
  // that holds processes can't pass domain controllers (memory, io) on: where the caller is the only one, it first
  // moves itself into the leaf `sbx-launcher` and stays there (the unit's manager removes the leaf with the unit);
  // where others are, they are left alone and the error says so.
  static Result<Cgroup> make(const std::string& parent, const std::string& name,
                             const std::vector<std::string>& controllers);
  int fd() const { return directory_.get(); }         // O_RDONLY | O_DIRECTORY; fit for CLONE_INTO_CGROUP
  const std::string& path() const { return path_; }
  Result<std::string> read(const char* file) const;   // without the final newline; at most 1 MiB
  Result<> write(const char* file, const std::string& value) const;
  CgroupStatistics statistics() const;                // what the kernel offers; never fails
  // cgroup.kill (5.14), or SIGKILL to every member until none is left, for at most a second. Doesn't wait for the
  // processes to be gone after cgroup.kill. The caller must not be a member.
  Result<> kill() const;
  // Removes the directory, and whatever sub-cgroups the payload made, where make() made it; waits up to a second for
  // the last process to go. Does nothing to a cgroup that was opened.
  Result<> remove() const;

 private:
  UniqueFd directory_;
  std::string path_;
  bool made_ = false;
};

}  // namespace sbx
