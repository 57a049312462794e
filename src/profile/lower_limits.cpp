// Limits: the cgroup's, those of setrlimit(2), times, and the scope that carries them.
#include <algorithm>

#include "base/text.h"
#include "profile/fields.h"
#include "profile/lower_internal.h"

namespace sbx {
namespace {

// The characters of unit names (systemd.unit(5)); a dash would be read as a level of a slice, not here.
std::string unit_word(std::string_view text, std::size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == ':';
    if (!plain) c = '_';
  }
  return out.empty() ? "profile" : out;
}

}  // namespace

Result<> lower_cgroup(const Profile& profile, SandboxSpec& spec) {
  auto& out = spec.cgroup;
  for (const auto& [file, said] : profile.cgroup) {
    out.origins[file] = said.origin;
    if (file == "cpu.max") {
      const auto cpu = parse_cpu_max(said.value).value_or(CpuMax{});
      out.cpu_quota_us = cpu.quota_us;
      out.cpu_period_us = cpu.period_us;
    } else if (file == "memory.max") {
      out.memory_max = parse_memory(said.value);
    } else if (file == "memory.high") {
      out.memory_high = parse_memory(said.value);
    } else if (file == "memory.swap.max") {
      out.memory_swap_max = parse_memory(said.value);
    } else if (file == "cpu.weight") {
      out.cpu_weight = parse_number(said.value);
    } else if (file == "pids.max") {
      out.pids_max = parse_count(said.value);
    } else if (file == "io.weight") {
      out.io_weight = parse_number(said.value);
    } else {
      return lower_error(said.origin, cat("unknown key cgroup.", file));
    }
  }
  return {};
}

Result<> lower_rlimits(const Profile& profile, SandboxSpec& spec) {
  for (const auto& [name, said] : profile.rlimits) {
    const auto& names = rlimit_names();
    const auto known = std::ranges::find(names, std::string_view(name), &RlimitName::name);
    const auto value = parse_rlimit(name, said.value);
    if (known == names.end()) {
      std::vector<std::string_view> words;
      for (const auto& each : names) words.push_back(each.name);
      const auto near = nearest(name, words);
      return lower_error(said.origin, cat("unknown key rlimits.", name), near ? cat("did you mean rlimits.", *near, "?") : "");
    }
    if (!value)
      return lower_error(said.origin, cat("rlimits.", name, " is \"", said.value,
                                          "\", and must be a number, \"unlimited\", or \"SOFT:HARD\" of these, soft not above hard"));
    spec.rlimits.push_back({name, known->resource, value->soft, value->hard, said.origin});
  }
  return {};
}

Result<> lower_limits(const Profile& profile, SandboxSpec& spec) {
  if (profile.wall_time) {
    const auto span = parse_time_span(profile.wall_time->value).value_or(0);
    spec.limits.wall_time_us = span == UINT64_MAX ? 0 : span;
  }
  if (profile.grace) spec.limits.grace_us = parse_time_span(profile.grace->value).value_or(0);
  return {};
}

void lower_scope(const Profile& profile, const std::string& id, SandboxSpec& spec) {
  auto& out = spec.scope;
  if (profile.scope)
    out.mode = profile.scope->value == "require" ? ScopeMode::require : profile.scope->value == "none" ? ScopeMode::none : ScopeMode::automatic;
  if (profile.slice) out.slice = profile.slice->value;
  // systemd's limit for a whole name is 255.
  out.name = cat("sbx-", unit_word(spec.profile, 100), "-", unit_word(id, 100), ".scope");
  // Shown by systemctl on one line.
  out.description = escape_control(profile.description ? profile.description->value : cat("Sandbox of profile ", spec.profile));
  for (const auto& [name, said] : profile.properties) out.properties.emplace_back(name, said.value);
}

}  // namespace sbx
