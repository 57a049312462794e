#include <charconv>

#include "base/text.h"
#include "state/usage.h"

namespace sbx {

std::optional<double> pressure_avg10(std::string_view text) {
  constexpr std::string_view head = "some avg10=";
  const auto at = text.find(head);
  if (at == std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto* begin = text.data() + at + head.size();
  return std::from_chars(begin, text.data() + text.size(), value).ec == std::errc() ? std::optional(value) : std::nullopt;
}

Traffic device_traffic(std::string_view text) {
  Traffic sum;
  for (const auto line : split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    auto name = line.substr(0, colon);
    while (name.starts_with(' ')) name.remove_prefix(1);
    if (name == "lo") continue;
    std::vector<std::uint64_t> numbers;
    for (const auto word : split(line.substr(colon + 1), ' '))
      if (const auto number = parse_number(word)) numbers.push_back(*number);
    if (numbers.size() < 16) continue;
    sum.in += numbers[0];
    sum.out += numbers[8];
  }
  return sum;
}

std::optional<ProcessUsage> parse_process_usage(std::string_view stat) {
  const auto end = stat.rfind(") ");
  if (end == std::string_view::npos) return std::nullopt;
  const auto fields = split(stat.substr(end + 2), ' ');  // from field 3 on: proc_pid_stat(5)
  if (fields.size() < 22) return std::nullopt;
  const auto field = [&](std::size_t number) { return parse_number(fields[number - 3]).value_or(0); };
  // With the children that were waited for: what ended is used, too.
  return ProcessUsage{static_cast<std::int64_t>(field(4)), field(14) + field(15) + field(16) + field(17), field(20), field(24)};
}

}  // namespace sbx
