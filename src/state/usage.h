// What running sandboxes use, read from their cgroups; where one has none, from the processes that descend from its init.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/running_sandbox.h"

namespace sbx {

// "some avg10" of the pressure files, in percent.
struct Pressure {
  std::optional<double> cpu, memory, io;
};

// Unset: neither the kernel nor the enabled controllers tell.
struct Usage {
  std::optional<std::uint64_t> cpu_us, cpu_user_us, cpu_system_us, throttled_us, throttled_periods;
  std::optional<std::uint64_t> memory, memory_peak, swap;
  std::optional<std::uint64_t> memory_limit, pids_limit;  // UINT64_MAX: none
  std::optional<std::string> cpu_limit;                   // cpu.max
  std::optional<std::uint64_t> pids, oom_kills;
  std::optional<std::uint64_t> io_read, io_write, net_in, net_out;
  Pressure pressure;
  bool frozen = false;
  bool from_cgroup = false;
};

// One row of /proc: what a sandbox without a cgroup is added up of.
struct ProcessUsage {
  std::int64_t parent = 0;
  std::uint64_t ticks = 0, threads = 0, resident_pages = 0;
};

class UsageReader {
 public:
  Usage read(const RunningSandbox& sandbox);
  // All processes of the sandbox but init: those of its cgroup, or init's descendants.
  std::vector<std::int64_t> processes(const RunningSandbox& sandbox);
  // Forgets the processes that were seen; the next read looks anew.
  void refresh() { seen_ = false; }

 private:
  void look();
  std::vector<std::int64_t> descendants(std::int64_t init);
  bool seen_ = false;
  std::map<std::int64_t, ProcessUsage> processes_;
  std::multimap<std::int64_t, std::int64_t> children_;
};

inline Usage read_usage(const RunningSandbox& sandbox) { return UsageReader().read(sandbox); }

// ---- pure
// "some avg10=1.23 avg60=..." as 1.23.
std::optional<double> pressure_avg10(std::string_view text);
struct Traffic {
  std::uint64_t in = 0, out = 0;
};
// The sum over all devices but lo of /proc/PID/net/dev (proc_pid_net(5)).
Traffic device_traffic(std::string_view text);
std::optional<ProcessUsage> parse_process_usage(std::string_view stat);

}  // namespace sbx
