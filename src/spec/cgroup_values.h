// The text of cgroup v2's files, read and compared. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/sandbox_spec.h"

namespace sbx {

// The number after `key` in a flat keyed file ("usage_usec 12\n..."): memory.events, cpu.stat, cgroup.events.
std::optional<std::uint64_t> flat_keyed_value(std::string_view text, std::string_view key);
// The sum of `key` over the lines of a nested keyed file ("8:0 rbytes=1 wbytes=2\n..."): io.stat. Unset where no line has it.
std::optional<std::uint64_t> nested_keyed_sum(std::string_view text, std::string_view key);
// A file with a single value: decimal, or "max" (UINT64_MAX).
std::optional<std::uint64_t> single_value(std::string_view text);
// True where the space-separated list (cgroup.controllers) has the word.
bool lists_word(std::string_view list, std::string_view word);
// The path of the "0::" line of /proc/PID/cgroup; unset where there is none.
std::optional<std::string> v2_path(std::string_view proc_cgroup);

// The unit of a service manager that a process belongs to, as its cgroup tells (systemd.unit(5), "CGROUP DELEGATION").
struct OwnUnit {
  std::string name;                   // "server.service", "run-u1.scope"
  std::string cgroup;                 // the unit's own; the process may be in one below it (DelegateSubgroup=)
  std::optional<std::uint32_t> user;  // whose manager has it; unset: the system's
  bool operator==(const OwnUnit&) const = default;
};
// Unset for a path without a service or scope: a slice, the root, a host without systemd.
std::optional<OwnUnit> unit_of_cgroup(std::string_view path);

// One limit that was asked for, as it is written to its file.
struct LimitValue {
  std::string file;        // "memory.max"
  std::string controller;  // "memory"
  std::string value;       // "536870912", "max", "50000 100000"
};
// In the order in which they are to be written.
std::vector<LimitValue> limit_values(const CgroupSpec& limits);
// The controllers that limit_values() needs, each once.
std::vector<std::string> limit_controllers(const CgroupSpec& limits);
// True where what the file says is what was asked for, by the kernel's own rounding: memory limits are rounded down to
// whole pages and "max" stands for what exceeds the counter; io.weight is preceded by "default".
bool limit_holds(const LimitValue& asked, std::string_view found, std::uint64_t page_size);
// True where what the file says allows no more than what was asked for: a smaller number, a smaller part of a CPU.
bool limit_is_within(const LimitValue& asked, std::string_view found);
bool is_weight(const LimitValue& limit);
// The limit as a directive of systemd.resource-control(5): "MemoryMax=512M", "CPUQuota=50%".
std::string unit_directive(const LimitValue& limit);

}  // namespace sbx
