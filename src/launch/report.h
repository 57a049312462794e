// An ExitReport for people and for programs.
#pragma once
#include "launch/exit_report.h"

namespace sbx {
std::string report_text(const ExitReport& report);
// One JSON object, a final newline: version (1), ending ("exited", "signalled", "out_of_memory", "timed_out"), exit_status
// (that of sbx), exit_code (null unless exited), signal (null without), in_words, scope (null without), wall_time_us,
// setup_time_us, user_time_us, system_time_us, max_rss_bytes, cgroup {memory_peak_bytes, memory_max_bytes, oom_kills,
// pids_peak, pids_max_hits, cpu_usage_us, throttled_us, throttled_periods, io_read_bytes, io_write_bytes: null where
// unknown or unlimited}, receipt [{protection, asked, found, enforced}], losses [{protection, reason, remedy}],
// step_us {step: microseconds}.
std::string report_json(const ExitReport& report);
// "exited with status 3", "ended by SIGTERM".
std::string how_it_ended(const ExitReport& report);
// The name of `ending` in JSON.
std::string_view ending_name(Ending ending);
// Losses of one cause together: "scope, memory: no bus answers; start one", each protection and each remedy once.
std::vector<std::string> losses_in_words(const std::vector<Loss>& losses);
// One line in words for an ending that needs one (out of memory: limit, peak, key to raise; wall time), else empty.
std::string ending_in_words(const ExitReport& report);
}  // namespace sbx
