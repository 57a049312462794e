// What is remembered of sandboxes that have ended: the last few hundred, one line of JSON each, and sums over all of them.
//
// ended.jsonl in the registry's directory: the sums first, then the sandboxes, oldest first. A line is appended at each
// end; a file that has grown is written anew, its older half gone into the sums.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "launch/companion.h"
#include "launch/exit_report.h"
#include "state/registry.h"

namespace sbx {

struct EndedSandbox {
  std::string id, name, profile, command, scope;
  std::uint64_t started_us = 0, ended_us = 0;  // of CLOCK_REALTIME
  std::string ending;                          // as in the report: "exited", "out_of_memory", ...
  int status = 0;                              // that of sbx run
  std::uint64_t setup_us = 0, wall_us = 0, cpu_us = 0, memory_peak = 0, oom_kills = 0;
  std::map<std::string, std::uint64_t> step_us;
  bool operator==(const EndedSandbox&) const = default;
};

struct HistoryTotals {
  struct Sum {
    std::uint64_t count = 0, us = 0;
    bool operator==(const Sum&) const = default;
  };
  std::map<std::string, std::map<int, std::uint64_t>> exits;  // by profile and status
  Sum setup;
  std::map<std::string, Sum> steps;
  std::uint64_t oom_kills = 0;
  void add(const EndedSandbox& ended);
  bool operator==(const HistoryTotals&) const = default;
};

struct History {
  std::vector<EndedSandbox> ended;  // oldest first
  HistoryTotals totals;             // of these, and of all that were forgotten
};

// ---- pure
std::string format_ended(const EndedSandbox& ended);
std::string format_history(const HistoryTotals& forgotten, const std::vector<EndedSandbox>& ended);
// What isn't whole, as a line that a full disk cut, is passed over.
History parse_history(std::string_view text);
// The text with the older half of its sandboxes gone into the sums.
std::string shorten_history(std::string_view text);

// ---- the file
History read_history(const Registry& registry);
Result<> append_history(const Registry& registry, const EndedSandbox& ended);
// By id, the beginning of an id, or name; the latest.
const EndedSandbox* find_ended(const History& history, std::string_view text);

// Writes the line after the sandbox' end, when nothing waits for it any more.
class HistoryRecord {
 public:
  // `registry` is borrowed; null: nothing is remembered.
  HistoryRecord(const Registry* registry, std::string id, std::string name, std::string profile, std::string command);
  Companion companion();  // borrows this

 private:
  const Registry* registry_;
  EndedSandbox ended_;
};

}  // namespace sbx
