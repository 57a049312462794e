// What /proc says of a process, as the receipt reads it. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plan/launch_plan.h"

namespace sbx {

// The value of "Name:\tvalue" in /proc/PID/status (proc_pid_status(5)), without blanks around it.
std::optional<std::string_view> status_field(std::string_view status, std::string_view name);
// A map of user_namespaces(7) as one line: "65534 1001 1, 0 100000 65536".
std::string map_line(std::string_view proc_map);
std::string map_line(const std::vector<IdMap>& map);
// A capability set as /proc/PID/status shows it.
std::string capability_set(std::uint64_t set);

// One line of proc_pid_mountinfo(5).
struct MountLine {
  std::string point;                // octal escapes undone
  std::string options, type, super_options;
};
std::vector<MountLine> parse_mountinfo(std::string_view text);
// The mounts by mount point; of several on one point the last, which is the one that is seen.
using MountTable = std::unordered_map<std::string, MountLine>;
MountTable mount_table(std::string_view mountinfo);

// What the receipt must find for one planned mount.
struct MountExpectation {
  std::string point;
  std::string type;                     // empty: any
  std::vector<std::string_view> flags;  // "ro", "nosuid", ...
};
// Unset for an operation that leaves no mount at a point that is known here (a directory, a symlink, a hidden path that
// is reached through one).
std::optional<MountExpectation> expected_mount(const MountOperation& operation);
// Empty where the table holds it; else what is missing: "not mounted", "nosuid is missing".
std::string mount_shortfall(const MountTable& table, const MountExpectation& expected);

}  // namespace sbx
