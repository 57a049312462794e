// SandboxEntry: what the registry's file of a running sandbox says, and that file's text. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sbx {

// The whole of ID.json. None of it is believed before RunningSandbox has held it against the kernel.
struct SandboxEntry {
  std::string id;                     // "k3f9ab2c"
  std::string name;                   // --name's; else the id
  std::vector<std::string> profiles;  // as they were named
  std::vector<std::string> command;
  std::int64_t init = 0;              // pids, as the launcher's pid namespace counts them
  std::int64_t launcher = 0;
  std::uint64_t start_time = 0;       // init's, field 22 of /proc/PID/stat: clock ticks since boot
  std::uint64_t pidfd_inode = 0;      // its pidfd's on pidfs (Linux 6.9), where no number comes twice; 0: none
  std::uint64_t pid_namespace = 0;    // the launcher's, by inode
  std::string boot_id;                // /proc/sys/kernel/random/boot_id
  std::string cgroup;                 // path in the v2 hierarchy; empty: none of its own
  std::string scope;                  // the unit; empty: none
  bool own_network = false;           // a network namespace of its own
  bool system_manager = false;        // whose unit it is: the system's, else the user's
  std::uint64_t created_us = 0;       // of CLOCK_REALTIME

  bool operator==(const SandboxEntry&) const = default;
};

// One line of JSON.
std::string format_entry(const SandboxEntry& entry);
// Fails on what isn't whole: another type, a number out of range, an absent field, text after the end.
Result<SandboxEntry> parse_entry(std::string_view text);

// Ids are made of these alone, and have this length.
inline constexpr std::string_view id_digits = "abcdefghijkmnpqrstuvwxyz23456789";
inline constexpr std::size_t id_length = 8;
bool is_sandbox_id(std::string_view text);

// Field 22 of /proc/PID/stat, and field 4: proc_pid_stat(5). The command's name may hold anything, ")" included.
struct ProcessStat {
  std::int64_t parent = 0;
  std::uint64_t start_time = 0;
  char state = '?';
};
std::optional<ProcessStat> parse_process_stat(std::string_view text);

}  // namespace sbx
