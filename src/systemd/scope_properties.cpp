// The limits of a spec as properties of a scope.
#include <algorithm>

#include "base/text.h"
#include "systemd/unit_property.h"

namespace sbx {
namespace {

// MemoryMax and MemoryMaxScale are one property.
std::string_view unscaled(std::string_view name) {
  if (name.ends_with("Scale")) name.remove_suffix(5);
  return name;
}

}  // namespace

std::vector<UnitProperty> limit_properties(const CgroupSpec& limits) {
  std::vector<UnitProperty> out;
  const auto add = [&](const char* name, const std::optional<std::uint64_t>& value) {
    if (value) out.push_back({name, *value});
  };
  add("MemoryMax", limits.memory_max);
  add("MemoryHigh", limits.memory_high);
  add("MemorySwapMax", limits.memory_swap_max);
  if (limits.cpu_quota_us) {
    // The manager computes cpu.max back as quota * period / 1 s, rounded down: only a quota a second that is rounded up
    // gives the number that was asked for.
    const auto per_second = [&](std::uint64_t quota) -> std::uint64_t {
      const auto period = limits.cpu_period_us;
      if (quota / period > UINT64_MAX / 1'000'000 - 1) return UINT64_MAX - 1;
      return quota / period * 1'000'000 + (quota % period * 1'000'000 + period - 1) / period;
    };
    out.push_back({"CPUQuotaPerSecUSec",
                   *limits.cpu_quota_us == UINT64_MAX ? UINT64_MAX : per_second(*limits.cpu_quota_us)});
    out.push_back({"CPUQuotaPeriodUSec", limits.cpu_period_us});
  }
  add("CPUWeight", limits.cpu_weight);
  add("TasksMax", limits.pids_max);
  add("IOWeight", limits.io_weight);
  return out;
}

Result<std::vector<UnitProperty>> scope_properties(
    const CgroupSpec& limits, const std::vector<std::pair<std::string, std::string>>& properties, bool system_manager) {
  auto out = limit_properties(limits);
  const std::size_t limit_count = out.size();
  for (const auto& [name, value] : properties) {
    SBX_ASSIGN(auto property, parse_unit_property(name, value, system_manager));
    for (std::size_t i = 0; i < limit_count; ++i)
      if (unscaled(property.name) == out[i].name)
        return fail(Step::validate_spec, ErrorKind::profile,
                    cat("[systemd] properties: ", name, " is set by [cgroup] as well"), "remove one of them");
    out.push_back(std::move(property));
  }
  // Delegated, with no controller: AttachProcessesToUnit, by which a command joins from another session, takes no other
  // unit (systemd.resource-control(5), Delegate=). The payload sees no cgroup file system either way.
  if (std::ranges::none_of(out, [](const UnitProperty& one) { return one.name.starts_with("Delegate"); }))
    out.push_back({"DelegateControllers", std::vector<std::string>{}});
  // Without it a scope that failed stays loaded until somebody resets it (systemd.unit(5)).
  out.push_back({"CollectMode", std::string("inactive-or-failed")});
  return out;
}

Result<> check_unit_name(const std::string& name, std::string_view suffix) {
  const auto bad = [&](std::string_view why) {
    return fail(Step::validate_spec, ErrorKind::profile, cat("\"", name, "\" can't name a unit: ", why),
                cat("use letters, digits, \":\", \"-\", \"_\", \".\" and the ending ", suffix));
  };
  if (!name.ends_with(suffix) || name.size() == suffix.size()) return bad(cat("it doesn't end in ", suffix));
  if (name.size() > 255) return bad("it is longer than 255 bytes");
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view(":-_.\\").find(c) == std::string_view::npos)
      return bad("it has a character that systemd.unit(5) doesn't allow");
  }
  if (suffix != ".slice" || name == "-.slice") return {};
  // A slice's name is its path: "a-b.slice" lies in "a.slice" (systemd.slice(5)).
  const std::string_view stem(name.data(), name.size() - suffix.size());
  if (stem.starts_with('-') || stem.ends_with('-') || stem.find("--") != std::string_view::npos)
    return bad("a dash stands at an end of it or beside another");
  return {};
}

}  // namespace sbx
