#include "launch/report.h"

#include <string.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sbx {
namespace {

// Keys are only added; a change of meaning takes a new number.
constexpr int report_version = 1;

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);  // "KILL"
  return name != nullptr ? cat("SIG", name) : cat("signal ", signal);
}

// "1.234 s", "12.3 ms", "870 µs"
std::string format_time(std::uint64_t us) {
  const auto fraction = [](std::uint64_t value, std::size_t digits) {
    std::string text = std::to_string(value);
    return text.insert(0, digits > text.size() ? digits - text.size() : 0, '0');
  };
  if (us < 1000) return cat(us, " µs");
  if (us < 1'000'000) return cat(us / 1000, ".", us % 1000 / 100, " ms");
  return cat(us / 1'000'000, ".", fraction(us % 1'000'000 / 1000, 3), " s");
}

// Plain ASCII and printable, so that columns line up and nothing steers the terminal.
std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

class Lines {
 public:
  void add(std::string_view name, std::string_view value) {
    text_ += cat("sbx:   ", padded(std::string(name), 13), value, "\n");
  }
  void head(std::string_view line) { text_ += cat("sbx: ", line, "\n"); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_cgroup(Lines& lines, const CgroupStatistics& cgroup) {
  if (cgroup.cpu_usage_us) lines.add("cgroup cpu", format_time(*cgroup.cpu_usage_us));
  if (cgroup.throttled_periods)
    lines.add("throttled", cat(*cgroup.throttled_periods, " periods, ", format_time(cgroup.throttled_us.value_or(0))));
  if (cgroup.memory_peak) {
    const bool limited = cgroup.memory_max && *cgroup.memory_max != UINT64_MAX;
    lines.add("memory peak", cat(format_bytes(*cgroup.memory_peak), limited ? cat(" of ", format_bytes(*cgroup.memory_max)) : ""));
  }
  if (cgroup.oom_kills) lines.add("OOM kills", std::to_string(*cgroup.oom_kills));
  if (cgroup.pids_peak) lines.add("pids peak", std::to_string(*cgroup.pids_peak));
  if (cgroup.pids_max_hits && *cgroup.pids_max_hits > 0) lines.add("pids refused", cat(*cgroup.pids_max_hits, " times"));
  if (cgroup.io_read_bytes || cgroup.io_write_bytes)
    lines.add("I/O", cat(format_bytes(cgroup.io_read_bytes.value_or(0)), " read, ",
                         format_bytes(cgroup.io_write_bytes.value_or(0)), " written"));
}

nlohmann::json number_or_null(const std::optional<std::uint64_t>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

nlohmann::json cgroup_json(const CgroupStatistics& cgroup) {
  return {
      {"memory_peak_bytes", number_or_null(cgroup.memory_peak)},
      // UINT64_MAX, no limit, is null as well: a program that reads doubles would take it for a number.
      {"memory_max_bytes", number_or_null(cgroup.memory_max == UINT64_MAX ? std::nullopt : cgroup.memory_max)},
      {"oom_kills", number_or_null(cgroup.oom_kills)},
      {"pids_peak", number_or_null(cgroup.pids_peak)},
      {"pids_max_hits", number_or_null(cgroup.pids_max_hits)},
      {"cpu_usage_us", number_or_null(cgroup.cpu_usage_us)},
      {"throttled_us", number_or_null(cgroup.throttled_us)},
      {"throttled_periods", number_or_null(cgroup.throttled_periods)},
      {"io_read_bytes", number_or_null(cgroup.io_read_bytes)},
      {"io_write_bytes", number_or_null(cgroup.io_write_bytes)},
  };
}

}  // namespace

std::string_view ending_name(Ending ending) {
  switch (ending) {
    case Ending::exited: return "exited";
    case Ending::signalled: return "signalled";
    case Ending::out_of_memory: return "out_of_memory";
    case Ending::timed_out: return "timed_out";
  }
  return "";
}

std::string how_it_ended(const ExitReport& report) {
  switch (report.ending) {
    case Ending::exited: return cat("exited with status ", report.exit_code);
    case Ending::signalled: return cat("ended by ", signal_name(report.signal));
    case Ending::out_of_memory: return cat("out of memory, ended by ", signal_name(report.signal));
    case Ending::timed_out: return "ran out of wall time";
  }
  return {};
}

std::string ending_in_words(const ExitReport& report) {
  // A command may outlive the process that was killed, and tell nobody why its work failed.
  if (report.ending == Ending::out_of_memory || (report.ending != Ending::timed_out && report.cgroup.oom_kills.value_or(0) > 0)) {
    std::string line = "out of memory: the kernel killed a process of the sandbox";
    const auto limit = report.limits.memory_max ? report.limits.memory_max : report.cgroup.memory_max;
    if (limit && *limit != UINT64_MAX) line += cat(" at its limit of ", format_bytes(*limit));
    if (report.cgroup.memory_peak) line += cat(" (peak ", format_bytes(*report.cgroup.memory_peak), ")");
    return line + "; raise cgroup.memory.max in the profile or --memory";
  }
  if (report.ending == Ending::timed_out)
    return cat("out of time: ended after ", format_time(report.wall_time_us),
               " of wall time; raise limits.wall_time in the profile or --timeout");
  return {};
}

std::vector<std::string> losses_in_words(const std::vector<Loss>& losses) {
  std::vector<std::string> all;
  std::vector<std::string_view> told, remedies;
  for (const auto& loss : losses) {
    if (std::ranges::find(told, loss.protection) != told.end()) continue;
    std::vector<std::string> names;
    for (const auto& other : losses)
      if (other.reason == loss.reason && std::ranges::find(told, other.protection) == told.end()) {
        names.push_back(other.protection);
        told.push_back(other.protection);
      }
    std::string words = cat(join(names, ", "), ": ", loss.reason);
    if (!loss.remedy.empty() && std::ranges::find(remedies, loss.remedy) == remedies.end()) {
      words += cat("; ", loss.remedy);
      remedies.push_back(loss.remedy);
    }
    all.push_back(std::move(words));
  }
  return all;
}

std::string report_text(const ExitReport& report) {
  Lines lines;
  lines.head(how_it_ended(report));
  if (!report.scope.empty()) lines.add("scope", escape_control(report.scope));
  lines.add("wall time", cat(format_time(report.wall_time_us), ", set up in ", format_time(report.setup_time_us)));
  lines.add("CPU time", cat(format_time(report.user_time_us), " user, ", format_time(report.system_time_us), " system"));
  lines.add("max RSS", format_bytes(report.max_rss_bytes));
  add_cgroup(lines, report.cgroup);
  for (const auto& words : losses_in_words(report.losses)) lines.add("lost", escape_control(words));
  if (report.receipt.empty()) return lines.take();
  lines.head("receipt, as read back while the payload waited:");
  for (const ReceiptItem& item : report.receipt)
    lines.add(item.protection, cat(padded(item.enforced ? "enforced" : "NOT ENFORCED", 13), escape_control(item.asked), ": found ",
                                   escape_control(item.found)));
  return lines.take();
}

std::string report_json(const ExitReport& report) {
  nlohmann::ordered_json document;
  document["version"] = report_version;
  document["ending"] = ending_name(report.ending);
  document["exit_status"] = exit_status(report);
  document["exit_code"] = report.ending == Ending::exited ? nlohmann::json(report.exit_code) : nlohmann::json(nullptr);
  document["signal"] = report.signal != 0 ? nlohmann::json(report.signal) : nlohmann::json(nullptr);
  document["in_words"] = ending_in_words(report);
  document["scope"] = report.scope.empty() ? nlohmann::json(nullptr) : nlohmann::json(report.scope);
  document["wall_time_us"] = report.wall_time_us;
  document["setup_time_us"] = report.setup_time_us;
  document["user_time_us"] = report.user_time_us;
  document["system_time_us"] = report.system_time_us;
  document["max_rss_bytes"] = report.max_rss_bytes;
  document["cgroup"] = cgroup_json(report.cgroup);
  auto& receipt = document["receipt"] = nlohmann::ordered_json::array();
  for (const ReceiptItem& item : report.receipt)
    receipt.push_back(nlohmann::ordered_json{
        {"protection", item.protection}, {"asked", item.asked}, {"found", item.found}, {"enforced", item.enforced}});
  auto& losses = document["losses"] = nlohmann::ordered_json::array();
  for (const Loss& loss : report.losses)
    losses.push_back(nlohmann::ordered_json{{"protection", loss.protection}, {"reason", loss.reason}, {"remedy", loss.remedy}});
  auto& steps = document["step_us"] = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < step_count; ++i)
    if (report.steps.us[i] != 0) steps[std::string(step_names[i])] = report.steps.us[i];
  // A path may hold bytes that are no UTF-8: they become U+FFFD rather than an exception.
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace sbx
