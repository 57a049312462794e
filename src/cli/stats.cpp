// sbx stats: what sandboxes use, once or every few seconds.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/sandbox_commands.h"
#include "cli/text_table.h"
#include "kernel/kernel_file.h"
#include "spec/cgroup_values.h"
#include "state/usage.h"

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;

struct Sample {
  SandboxEntry entry;
  Usage usage;
  double cpu_percent = 0;
};

// MemTotal of /proc/meminfo: what a sandbox without a limit is held against, as podman does.
std::uint64_t host_memory() {
  static const std::uint64_t bytes = [] {
    const auto text = read_kernel_file("/proc/meminfo");
    for (const auto word : split(text.substr(0, text.find('\n')), ' '))
      if (const auto number = parse_number(word)) return *number * 1024U;
    return std::uint64_t{0};
  }();
  return bytes;
}

std::uint64_t memory_bound(const Usage& usage) {
  return std::min(usage.memory_limit.value_or(UINT64_MAX), host_memory());
}

std::string percent(double value) {
  const auto hundredths = static_cast<std::uint64_t>(std::llround(std::max(value, 0.0) * 100));
  return cat(hundredths / 100, ".", std::to_string(100 + hundredths % 100).substr(1), "%");
}

double memory_percent(const Usage& usage) {
  const auto bound = memory_bound(usage);
  return !usage.memory || bound == 0 ? 0 : 100.0 * static_cast<double>(*usage.memory) / static_cast<double>(bound);
}

std::string bytes(const std::optional<std::uint64_t>& value) { return value ? format_bytes(*value) : "--"; }

std::vector<std::string> cells_of(const Sample& sample) {
  const auto& usage = sample.usage;
  return {sample.entry.id, sample.entry.name, usage.cpu_us ? percent(sample.cpu_percent) : "--",
          usage.memory ? cat(format_bytes(*usage.memory), " / ", format_bytes(memory_bound(usage))) : "-- / --",
          usage.memory ? percent(memory_percent(usage)) : "--", cat(bytes(usage.net_in), " / ", bytes(usage.net_out)),
          cat(bytes(usage.io_read), " / ", bytes(usage.io_write)), usage.pids ? std::to_string(*usage.pids) : "--"};
}

const std::vector<std::string> header{"ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET IO", "BLOCK IO", "PIDS"};
const std::vector<std::string_view> field_names{"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"};

Json as_json(const std::vector<Sample>& samples) {
  const auto number = [](const std::optional<std::uint64_t>& value) { return value ? Json(*value) : Json(); };
  Json list = Json::array();
  for (const auto& sample : samples) {
    const auto& usage = sample.usage;
    list.push_back({{"id", sample.entry.id}, {"name", sample.entry.name}, {"cpu_percent", std::round(sample.cpu_percent * 100) / 100},
                    {"cpu_us", number(usage.cpu_us)}, {"memory", number(usage.memory)}, {"memory_limit", memory_bound(usage)},
                    {"memory_percent", std::round(memory_percent(usage) * 100) / 100}, {"memory_peak", number(usage.memory_peak)},
                    {"net_in", number(usage.net_in)}, {"net_out", number(usage.net_out)}, {"io_read", number(usage.io_read)},
                    {"io_write", number(usage.io_write)}, {"pids", number(usage.pids)}, {"oom_kills", number(usage.oom_kills)},
                    {"frozen", usage.frozen}, {"source", usage.from_cgroup ? "cgroup" : "proc"}});
  }
  return list;
}

// CPU time since the look before; at the first look since the sandbox was started.
class Sampler {
 public:
  std::vector<Sample> sample(const std::vector<RunningSandbox>& sandboxes) {
    std::vector<Sample> samples;
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> seen;
    reader_.refresh();
    for (const auto& sandbox : sandboxes) {
      Sample one{sandbox.entry(), reader_.read(sandbox)};
      const auto now = now_us(), cpu = one.usage.cpu_us.value_or(0);
      const auto before = seen_.find(sandbox.id());
      const auto [since, used] = before == seen_.end() ? std::pair{one.entry.created_us, std::uint64_t{0}} : before->second;
      if (now > since && cpu >= used) one.cpu_percent = 100.0 * static_cast<double>(cpu - used) / static_cast<double>(now - since);
      seen[sandbox.id()] = {now, cpu};
      samples.push_back(std::move(one));
    }
    seen_ = std::move(seen);
    return samples;
  }

 private:
  UsageReader reader_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> seen_;  // by id: when, and the CPU time by then
};

// What the table can't tell, once: not all of it is nothing.
void tell_what_lacks(const std::vector<Sample>& samples) {
  std::vector<std::string> without;
  for (const auto& sample : samples)
    if (!sample.usage.from_cgroup) without.push_back(sample.entry.name);
  if (without.empty()) return;
  const auto count = without.size();
  if (count > 3) without.resize(3), without.emplace_back("...");
  complain(cat(join(without, ", "), count == 1 ? " has no cgroup of its own" : " have no cgroups of their own", ": counted from /proc, without block IO, limits and what shared memory counts twice; "
               "sbx doctor tells how to get one"));
}

Result<std::vector<RunningSandbox>> chosen(const Registry& registry, const ParsedLine& line) {
  if (line.words.empty() && !line.has("latest")) return list_sandboxes(registry);
  return select_sandboxes(registry, line);
}

}  // namespace

Result<int> stats_command(const ParsedLine& line) {
  std::optional<RowTemplate> format;
  const auto* asked = find_parsed(line, "format");
  if (asked != nullptr && asked->value != "json") {
    SBX_ASSIGN(format, RowTemplate::parse(asked->value, field_names));
  }
  const bool json = line.has("json") || (asked != nullptr && !format);
  std::uint64_t interval_us = 5'000'000;
  if (const auto* parsed = find_parsed(line, "interval")) {
    interval_us = parse_time_span(parsed->value).value_or(0);
    if (interval_us < 100'000 || interval_us > 3'600'000'000U) return fail(usage_error(cat(parsed->spelled, " ", parsed->value, ": not an interval"), "write 0.1 to 3600 seconds, e.g. 2 or 500ms"));
  }
  const bool live = !line.has("no-stream");
  const bool screen = live && !json && !format && ::isatty(STDOUT_FILENO) == 1;
  SBX_TRY(require_pidfds());
  SBX_ASSIGN(const auto registry, Registry::open());
  // Names are looked at once: a wrong one is an error, a sandbox that ends later isn't.
  SBX_ASSIGN(auto sandboxes, chosen(registry, line));
  const bool all = line.words.empty() && !line.has("latest");
  ::signal(SIGPIPE, SIG_DFL);
  Sampler sampler;
  for (bool first = true;; first = false) {
    if (!first && all) sandboxes = list_sandboxes(registry);
    std::erase_if(sandboxes, [](const RunningSandbox& sandbox) { return !sandbox.alive(); });
    const auto samples = sampler.sample(sandboxes);
    std::vector<std::vector<std::string>> rows;
    for (const auto& sample : samples) rows.push_back(cells_of(sample));
    std::string text = screen ? "\033[H\033[J" : "";
    if (json) {
      // A stream of them is one a line.
      text += as_json(samples).dump(live ? -1 : 2, ' ', false, Json::error_handler_t::replace) + "\n";
    } else if (format) {
      std::vector<TemplateFields> fields;
      for (const auto& row : rows) {
        auto& one = fields.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) one.emplace_back(field_names[i], row[i]);
      }
      text += format->format(fields);
    } else {
      text += format_table(header, rows);
    }
    SBX_TRY(print(text));
    if (first && !json) tell_what_lacks(samples);
    if (!live || (!all && sandboxes.empty())) return 0;
    ::poll(nullptr, 0, static_cast<int>(interval_us / 1000U));
  }
}

}  // namespace sbx
