#include "telemetry/sandbox_metrics.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/text.h"
#include "spec/cgroup_values.h"

namespace sbx {
namespace {

enum class Form : std::uint8_t { single, flat, nested, pressure, quota };
enum class Scale : std::uint8_t { plain, microseconds };

// One value of a cgroup file (cgroup-v2.rst) as a metric.
struct Source {
  std::string_view name;
  MetricKind kind;
  std::string_view unit, help;
  std::string_view file, key;
  Form form;
  Scale scale = Scale::plain;
  std::string_view resource = {};  // the label of that name
};

constexpr auto gauge = MetricKind::gauge, counter = MetricKind::counter;
constexpr std::string_view pressure_help =
    "Time in which some or all processes waited for a resource (pressure stall information).";

constexpr Source sources[] = {
    {"sbx_memory_current_bytes", gauge, "bytes", "Memory in use.", "memory.current", "", Form::single},
    {"sbx_memory_peak_bytes", gauge, "bytes", "The most memory that was in use.", "memory.peak", "", Form::single},
    {"sbx_memory_limit_bytes", gauge, "bytes", "The limit on memory.", "memory.max", "", Form::single},
    {"sbx_memory_swap_bytes", gauge, "bytes", "Swap in use.", "memory.swap.current", "", Form::single},
    {"sbx_oom_kills", counter, "", "Processes that the kernel killed for memory.", "memory.events", "oom_kill", Form::flat},
    {"sbx_cpu_usage_seconds", counter, "seconds", "CPU time used.", "cpu.stat", "usage_usec", Form::flat, Scale::microseconds},
    {"sbx_cpu_user_seconds", counter, "seconds", "CPU time used in user mode.", "cpu.stat", "user_usec", Form::flat, Scale::microseconds},
    {"sbx_cpu_system_seconds", counter, "seconds", "CPU time used in the kernel.", "cpu.stat", "system_usec", Form::flat,
     Scale::microseconds},
    {"sbx_cpu_periods", counter, "", "Periods in which the limit on CPU time counted.", "cpu.stat", "nr_periods", Form::flat},
    {"sbx_cpu_throttled_periods", counter, "", "Periods in which that limit was reached.", "cpu.stat", "nr_throttled", Form::flat},
    {"sbx_cpu_throttled_seconds", counter, "seconds", "Time for which that limit held processes back.", "cpu.stat",
     "throttled_usec", Form::flat, Scale::microseconds},
    {"sbx_cpu_limit_cpus", gauge, "cpus", "The limit on CPU time, as a number of CPUs.", "cpu.max", "", Form::quota},
    {"sbx_processes", gauge, "", "Processes and threads.", "pids.current", "", Form::single},
    {"sbx_processes_peak", gauge, "", "The most processes and threads that there were.", "pids.peak", "", Form::single},
    {"sbx_processes_limit", gauge, "", "The limit on processes and threads.", "pids.max", "", Form::single},
    {"sbx_processes_refused", counter, "", "Processes that this limit refused.", "pids.events", "max", Form::flat},
    {"sbx_io_read_bytes", counter, "bytes", "Bytes read from block devices.", "io.stat", "rbytes", Form::nested},
    {"sbx_io_written_bytes", counter, "bytes", "Bytes written to block devices.", "io.stat", "wbytes", Form::nested},
    {"sbx_io_reads", counter, "", "Reads from block devices.", "io.stat", "rios", Form::nested},
    {"sbx_io_writes", counter, "", "Writes to block devices.", "io.stat", "wios", Form::nested},
    {"sbx_pressure_seconds", counter, "seconds", pressure_help, "cpu.pressure", "some", Form::pressure, Scale::microseconds, "cpu"},
    {"sbx_pressure_seconds", counter, "seconds", pressure_help, "cpu.pressure", "full", Form::pressure, Scale::microseconds, "cpu"},
    {"sbx_pressure_seconds", counter, "seconds", pressure_help, "memory.pressure", "some", Form::pressure, Scale::microseconds, "memory"},
    {"sbx_pressure_seconds", counter, "seconds", pressure_help, "memory.pressure", "full", Form::pressure, Scale::microseconds, "memory"},
    {"sbx_pressure_seconds", counter, "seconds", pressure_help, "io.pressure", "some", Form::pressure, Scale::microseconds, "io"},
    {"sbx_pressure_seconds", counter, "seconds", pressure_help, "io.pressure", "full", Form::pressure, Scale::microseconds, "io"},
};

std::optional<std::uint64_t> pressure_total(std::string_view text, std::string_view line_name) {
  for (const auto line : split(text, '\n')) {
    if (!line.starts_with(cat(line_name, " "))) continue;
    for (const auto word : split(line, ' '))
      if (word.starts_with("total=")) return parse_number(word.substr(6));
  }
  return std::nullopt;
}

// "50000 100000" is half a CPU, in thousandths since a quota is rarely a whole number of them.
std::optional<std::string> cpus_of(std::string_view text) {
  const auto words = split(text.substr(0, text.find('\n')), ' ');
  if (words.size() != 2) return std::nullopt;
  if (words[0] == "max") return "+Inf";
  const auto quota = parse_number(words[0]), period = parse_number(words[1]);
  if (!quota || !period || *period == 0) return std::nullopt;
  auto fraction = std::to_string(*quota % *period * 1000 / *period);
  fraction.insert(0, 3 - fraction.size(), '0');
  return cat(*quota / *period, ".", fraction);
}

std::optional<std::string> value_of(const Source& source, const SandboxReading& reading) {
  const auto file = reading.files.find(std::string(source.file));
  if (file == reading.files.end()) return std::nullopt;
  std::optional<std::uint64_t> number;
  switch (source.form) {
    case Form::single: number = single_value(file->second); break;
    case Form::flat: number = flat_keyed_value(file->second, source.key); break;
    case Form::nested: number = nested_keyed_sum(file->second, source.key); break;
    case Form::pressure: number = pressure_total(file->second, source.key); break;
    case Form::quota: return cpus_of(file->second);
  }
  if (!number) return std::nullopt;
  if (source.form == Form::single && *number == UINT64_MAX) return "+Inf";
  return source.scale == Scale::microseconds ? seconds_text(*number) : std::to_string(*number);
}

MetricSample sample_of(const SandboxReading& reading, std::string value) {
  return {{{"id", reading.labels.id}, {"name", reading.labels.name}, {"profile", reading.labels.profile}}, std::move(value)};
}

MetricFamily& family_of(std::vector<MetricFamily>& families, const Source& source) {
  const auto found = std::ranges::find(families, source.name, &MetricFamily::name);
  if (found != families.end()) return *found;
  return families.emplace_back(std::string(source.name), source.kind, source.unit, source.help);
}

void add_running(std::vector<MetricFamily>& families, std::span<const SandboxReading> running) {
  families.push_back({"sbx_running", gauge, "", "Sandboxes that run.", {{{}, std::to_string(running.size())}}});
  MetricFamily about{"sbx_sandbox", MetricKind::info, "", "What a sandbox is called, and what runs in it.", {}};
  MetricFamily start{"sbx_start_time_seconds", gauge, "seconds", "When the sandbox was made, since the epoch.", {}};
  for (const auto& reading : running) {
    auto sample = sample_of(reading, "1");
    sample.labels.push_back({"command", reading.labels.command});
    sample.labels.push_back({"scope", reading.scope});
    about.samples.push_back(std::move(sample));
    start.samples.push_back(sample_of(reading, seconds_text(reading.created_us)));
  }
  families.push_back(std::move(about));
  families.push_back(std::move(start));
  for (const auto& source : sources)
    for (const auto& reading : running) {
      auto value = value_of(source, reading);
      if (!value) continue;
      auto sample = sample_of(reading, *std::move(value));
      if (!source.resource.empty()) {
        sample.labels.push_back({"resource", std::string(source.resource)});
        sample.labels.push_back({"waiting", std::string(source.key)});
      }
      family_of(families, source).samples.push_back(std::move(sample));
    }
}

void add_sum(MetricFamily& family, const std::vector<std::pair<std::string_view, std::string>>& labels,
             const HistoryTotals::Sum& sum) {
  family.samples.push_back({labels, std::to_string(sum.count), "_count"});
  family.samples.push_back({labels, seconds_text(sum.us), "_sum"});
}

void add_ended(std::vector<MetricFamily>& families, const HistoryTotals& ended) {
  MetricFamily exits{"sbx_exits", counter, "", "Sandboxes that ended, by the status of sbx run.", {}};
  for (const auto& [profile, statuses] : ended.exits)
    for (const auto& [status, count] : statuses)
      exits.samples.push_back({{{"profile", profile}, {"status", std::to_string(status)}}, std::to_string(count)});
  families.push_back(std::move(exits));
  MetricFamily kills{"sbx_ended_oom_kills", counter, "", "Processes of ended sandboxes that the kernel killed for memory.", {}};
  kills.samples.push_back({{}, std::to_string(ended.oom_kills)});
  families.push_back(std::move(kills));
  MetricFamily setup{"sbx_startup_seconds", MetricKind::summary, "seconds", "Time from the start of a launch to the command's.", {}};
  add_sum(setup, {}, ended.setup);
  families.push_back(std::move(setup));
  MetricFamily steps{"sbx_startup_step_seconds", MetricKind::summary, "seconds", "Time of a launch by its steps.", {}};
  for (const auto& [step, sum] : ended.steps) add_sum(steps, {{"step", step}}, sum);
  families.push_back(std::move(steps));
}

}  // namespace

std::vector<std::string> metric_files() {
  std::vector<std::string> files;
  for (const auto& source : sources)
    if (std::ranges::find(files, source.file) == files.end()) files.emplace_back(source.file);
  return files;
}

std::vector<MetricFamily> sandbox_metrics(std::span<const SandboxReading> running, const HistoryTotals& ended) {
  std::vector<MetricFamily> families;
  add_running(families, running);
  add_ended(families, ended);
  return families;
}

}  // namespace sbx
