#include "telemetry/metrics_source.h"

#include "state/running_sandbox.h"
#include "telemetry/sandbox_metrics.h"

namespace sbx {
namespace {

// As the history has it: a file's name without its directory and ending.
std::string profile_of(const SandboxEntry& entry) {
  if (entry.profiles.empty()) return {};
  std::string_view name = entry.profiles[0];
  name.remove_prefix(name.rfind('/') + 1);
  if (name.ends_with(".toml")) name.remove_suffix(5);
  return std::string(name);
}

}  // namespace

std::string read_metrics(const Registry& registry, MetricFormat format) {
  const auto files = metric_files();
  std::vector<SandboxReading> readings;
  for (const auto& sandbox : list_sandboxes(registry)) {
    const auto& entry = sandbox.entry();
    SandboxReading reading;
    reading.labels = {entry.id, entry.name, profile_of(entry), entry.command.empty() ? "" : entry.command[0], entry.system_manager};
    reading.scope = entry.scope;
    reading.created_us = entry.created_us;
    if (const auto cgroup = sandbox.cgroup())
      for (const auto& file : files)
        if (auto text = cgroup->read(file.c_str())) reading.files.emplace(file, *std::move(text));
    readings.push_back(std::move(reading));
  }
  return metrics_text(sandbox_metrics(readings, read_history(registry).totals), format);
}

}  // namespace sbx
