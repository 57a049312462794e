#include "state/history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/text.h"
#include "launch/report.h"

namespace sbx {
namespace {

constexpr auto file_name = "ended.jsonl";
// Some hundred sandboxes. An end that finds the file larger makes it smaller first.
constexpr std::size_t shorten_at = 256U * 1024, read_at_most = 4U << 20U;
constexpr auto patience = std::chrono::milliseconds(500);

std::uint64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace

History read_history(const Registry& registry) {
  const auto text = registry.read_file(file_name, read_at_most);
  return text ? parse_history(*text) : History{};
}

Result<> append_history(const Registry& registry, const EndedSandbox& ended) {
  SBX_ASSIGN(const auto lock, registry.lock(patience));
  const UniqueFd file(::openat(registry.fd(), file_name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0) return fail_errno(Step::write_report, errno, file_name);
  if (static_cast<std::size_t>(facts.st_size) > shorten_at) {
    const auto text = registry.read_file(file_name, read_at_most);
    // Renamed over the old one: a crash leaves one of the two, and nothing is counted twice.
    SBX_TRY(registry.write(file_name, cat(shorten_history(text.value_or("")), format_ended(ended)), false));
    return {};
  }
  const auto line = format_ended(ended);
  if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return fail_errno(Step::write_report, errno, file_name);
  return {};
}

HistoryRecord::HistoryRecord(const Registry* registry, std::string id, std::string name, std::string profile, std::string command)
    : registry_(registry) {
  ended_.id = std::move(id), ended_.name = std::move(name);
  ended_.profile = std::move(profile), ended_.command = std::move(command);
}

Companion HistoryRecord::companion() {
  Companion companion;
  if (registry_ == nullptr) return companion;
  companion.ended = [this](const ExitReport& report) {
    const auto& cgroup = report.cgroup;
    ended_.scope = report.scope;
    ended_.ended_us = now_us();
    ended_.started_us = ended_.ended_us - report.wall_time_us - report.setup_time_us;
    ended_.ending = ending_name(report.ending);
    ended_.status = exit_status(report);
    ended_.setup_us = report.setup_time_us, ended_.wall_us = report.wall_time_us;
    ended_.cpu_us = cgroup.cpu_usage_us.value_or(report.user_time_us + report.system_time_us);
    ended_.memory_peak = cgroup.memory_peak.value_or(report.max_rss_bytes);
    ended_.oom_kills = cgroup.oom_kills.value_or(0);
    for (std::size_t i = 0; i < step_count; ++i)
      if (report.steps.begin_ns[i] != 0) ended_.step_us[std::string(step_names[i])] = report.steps.us[i];
    // What can't be remembered is no reason to fail a command that has run.
    static_cast<void>(append_history(*registry_, ended_));
  };
  return companion;
}

}  // namespace sbx
