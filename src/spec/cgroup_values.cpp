#include "spec/cgroup_values.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace sbx {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

std::string value_text(std::uint64_t value) { return value == unlimited ? "max" : cat(value); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

}  // namespace

std::optional<std::uint64_t> flat_keyed_value(std::string_view text, std::string_view key) {
  for (const auto line : split(text, '\n'))
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return single_value(line.substr(key.size() + 1));
  return std::nullopt;
}

std::optional<std::uint64_t> nested_keyed_sum(std::string_view text, std::string_view key) {
  std::optional<std::uint64_t> sum;
  for (const auto line : split(text, '\n'))
    for (const auto word : split(line, ' '))
      if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=')
        if (const auto number = parse_number(word.substr(key.size() + 1))) sum = sum.value_or(0) + *number;
  return sum;
}

std::optional<std::uint64_t> single_value(std::string_view text) {
  text = trimmed(text);
  return text == "max" ? std::optional(unlimited) : parse_number(text);
}

bool lists_word(std::string_view list, std::string_view word) {
  const auto words = split(trimmed(list), ' ');
  return std::ranges::find(words, word) != words.end();
}

std::optional<std::string> v2_path(std::string_view proc_cgroup) {
  for (auto line : split(proc_cgroup, '\n')) {
    if (!line.starts_with("0::/")) continue;
    line.remove_prefix(3);
    return std::string(line);
  }
  return std::nullopt;
}

std::optional<OwnUnit> unit_of_cgroup(std::string_view path) {
  std::optional<std::uint32_t> user;
  std::size_t end = 0;
  for (const auto part : split(path, '/')) {
    end += part.size() + 1;
    if (part.empty() || part.ends_with(".slice")) continue;
    if (!part.ends_with(".service") && !part.ends_with(".scope")) return std::nullopt;
    // A name that would be the kernel's or a controller's is escaped by an underscore (cg_escape() in systemd).
    const std::string_view name = part.substr(part.starts_with('_') ? 1 : 0);
    // A user's manager is a service of the system's; below it are slices and units once more.
    constexpr std::string_view prefix = "user@", suffix = ".service";
    if (user || !name.starts_with(prefix) || !name.ends_with(suffix))
      return OwnUnit{std::string(name), std::string(path.substr(0, end - 1)), user};
    const auto number = parse_number(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
    if (!number || *number >= std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    user = static_cast<std::uint32_t>(*number);
  }
  return std::nullopt;
}

std::vector<LimitValue> limit_values(const CgroupSpec& limits) {
  std::vector<LimitValue> values;
  const auto add = [&](const char* file, const char* controller, const std::optional<std::uint64_t>& value) {
    if (value) values.push_back({file, controller, value_text(*value)});
  };
  // Swap before memory: a process that is already over the new memory.max must not escape into swap first.
  add("memory.swap.max", "memory", limits.memory_swap_max);
  add("memory.high", "memory", limits.memory_high);
  add("memory.max", "memory", limits.memory_max);
  if (limits.cpu_quota_us)
    values.push_back({"cpu.max", "cpu", cat(value_text(*limits.cpu_quota_us), " ", limits.cpu_period_us)});
  add("cpu.weight", "cpu", limits.cpu_weight);
  add("pids.max", "pids", limits.pids_max);
  add("io.weight", "io", limits.io_weight);
  return values;
}

std::vector<std::string> limit_controllers(const CgroupSpec& limits) {
  std::vector<std::string> controllers;
  for (const auto& value : limit_values(limits))
    if (std::ranges::find(controllers, value.controller) == controllers.end()) controllers.push_back(value.controller);
  return controllers;
}

bool limit_holds(const LimitValue& asked, std::string_view found, std::uint64_t page_size) {
  found = trimmed(found);
  if (asked.controller == "memory") {
    const auto wanted = single_value(asked.value);
    const auto has = single_value(found);
    if (!wanted || !has || page_size == 0) return false;
    // page_counter_memparse(): bytes / PAGE_SIZE, at most LONG_MAX / PAGE_SIZE, which reads back as "max".
    const std::uint64_t most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / page_size;
    const std::uint64_t pages = std::min(*wanted / page_size, most);
    return pages == most ? *has == unlimited : *has == pages * page_size;
  }
  // io.weight lists its devices' overrides after the default one (cgroup-v2.rst).
  if (asked.controller == "io") {
    const auto first = found.substr(0, found.find('\n'));
    return first == cat("default ", asked.value) || first == asked.value;
  }
  return found == asked.value;
}

bool is_weight(const LimitValue& limit) { return limit.file.ends_with(".weight"); }

bool limit_is_within(const LimitValue& asked, std::string_view found) {
  found = trimmed(found);
  if (asked.file == "cpu.max") {
    const auto wanted = split(asked.value, ' '), has = split(found, ' ');
    if (wanted.size() != 2 || has.size() != 2) return false;
    const auto quota = single_value(wanted[0]), period = parse_number(wanted[1]);
    const auto quota_found = single_value(has[0]), period_found = parse_number(has[1]);
    if (!quota || !period || !quota_found || !period_found) return false;
    if (*quota == unlimited || *quota_found == unlimited) return *quota == unlimited;
    return static_cast<double>(*quota_found) * static_cast<double>(*period) <= static_cast<double>(*quota) * static_cast<double>(*period_found);
  }
  // io.weight lists its devices' overrides after the default one (cgroup-v2.rst).
  found = found.substr(0, found.find('\n'));
  if (asked.file == "io.weight" && found.starts_with("default ")) found.remove_prefix(8);
  const auto wanted = single_value(asked.value), has = single_value(found);
  return wanted && has && *has <= *wanted;
}

std::string unit_directive(const LimitValue& limit) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"memory.max", "MemoryMax"}, {"memory.high", "MemoryHigh"}, {"memory.swap.max", "MemorySwapMax"},
      {"cpu.weight", "CPUWeight"}, {"pids.max", "TasksMax"},      {"io.weight", "IOWeight"}};
  if (limit.file == "cpu.max") {
    const auto fields = split(limit.value, ' ');
    const auto quota = fields.size() == 2 ? single_value(fields[0]) : std::nullopt;
    const auto period = fields.size() == 2 ? parse_number(fields[1]) : std::nullopt;
    if (!quota || !period || *period == 0 || *quota == unlimited) return "CPUQuota=";
    // systemd takes hundredths of a percent and no more (parse_permyriad_unbounded); what is over would loosen the limit.
    const std::uint64_t parts = std::max<std::uint64_t>(*quota * 10000 / *period, 1);
    std::string text = cat("CPUQuota=", parts / 100);
    if (parts % 100 != 0) text += cat(".", parts % 100 < 10 ? "0" : "", parts % 100);
    return text + "%";
  }
  for (const auto& [file, name] : names) {
    if (file != limit.file) continue;
    const auto bytes = single_value(limit.value);
    if (!bytes || *bytes == unlimited) return cat(name, "=infinity");
    if (limit.controller != "memory" || *bytes == 0) return cat(name, "=", *bytes);
    constexpr std::pair<std::uint64_t, char> units[] = {{1ULL << 40U, 'T'}, {1ULL << 30U, 'G'}, {1ULL << 20U, 'M'}, {1ULL << 10U, 'K'}};
    for (const auto& [size, letter] : units)
      if (*bytes % size == 0) return cat(name, "=", *bytes / size, letter);
    return cat(name, "=", *bytes);
  }
  return {};
}

}  // namespace sbx
