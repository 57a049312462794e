#include "filter/syscall_sets.h"

#include <algorithm>

namespace sbx {

std::optional<std::size_t> find_call(std::string_view name) {
  const auto* found = std::ranges::lower_bound(call_names, name);
  if (found == std::end(call_names) || *found != name) return std::nullopt;
  return static_cast<std::size_t>(found - std::begin(call_names));
}

const SetEntry* find_set(std::string_view name) {
  const auto* found = std::ranges::find(set_table, name, &SetEntry::name);
  return found == std::end(set_table) ? nullptr : found;
}

std::optional<int> newer_number(std::size_t call) {
  const auto* found =
      std::ranges::find(newer_calls, call, [](const NewerCall& entry) { return std::size_t{entry.call}; });
  return found == std::end(newer_calls) ? std::nullopt : std::optional(found->number);
}

std::vector<std::string_view> call_and_set_names() {
  std::vector<std::string_view> names(std::begin(call_names), std::end(call_names));
  for (const auto& set : set_table) names.push_back(set.name);
  return names;
}

}  // namespace sbx
