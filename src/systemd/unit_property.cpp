#include "systemd/unit_property.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/text.h"
#include "systemd/property_values.h"

namespace sbx {
namespace {

enum class Syntax : std::uint8_t {
  boolean, cpu_weight, weight, quota, span, memory, tasks, indices, device_weight, device_bandwidth, device_count,
  device_span, addresses, ports, interfaces, path, program, nft_set, device_access, choice, controllers, delegate,
  signal, percentage
};

struct Known {
  std::string_view name;
  Syntax syntax;
  std::string_view controller = {};
  std::string_view bus_name = {};  // where it isn't `name`
  std::string_view choices = {};   // of Syntax::choice, separated by '|'
  bool system_only = false;        // needs BPF programs or device rules, which a user's manager can't load
};

constexpr bool system_only = true;
constexpr Known known[] = {
    {"CPUAccounting", Syntax::boolean, "cpu"},
    {"CPUWeight", Syntax::cpu_weight, "cpu"},
    {"StartupCPUWeight", Syntax::cpu_weight, "cpu"},
    {"CPUQuota", Syntax::quota, "cpu", "CPUQuotaPerSecUSec"},
    {"CPUQuotaPeriodSec", Syntax::span, "cpu", "CPUQuotaPeriodUSec"},
    {"AllowedCPUs", Syntax::indices, "cpuset"},
    {"StartupAllowedCPUs", Syntax::indices, "cpuset"},
    {"AllowedMemoryNodes", Syntax::indices, "cpuset"},
    {"StartupAllowedMemoryNodes", Syntax::indices, "cpuset"},
    {"MemoryAccounting", Syntax::boolean, "memory"},
    {"MemoryMin", Syntax::memory, "memory"},
    {"MemoryLow", Syntax::memory, "memory"},
    {"StartupMemoryLow", Syntax::memory, "memory"},
    {"MemoryHigh", Syntax::memory, "memory"},
    {"StartupMemoryHigh", Syntax::memory, "memory"},
    {"MemoryMax", Syntax::memory, "memory"},
    {"StartupMemoryMax", Syntax::memory, "memory"},
    {"MemorySwapMax", Syntax::memory, "memory"},
    {"StartupMemorySwapMax", Syntax::memory, "memory"},
    {"MemoryZSwapMax", Syntax::memory, "memory"},
    {"StartupMemoryZSwapMax", Syntax::memory, "memory"},
    {"MemoryZSwapWriteback", Syntax::boolean, "memory"},
    {"MemoryPressureWatch", Syntax::choice, "memory", "", "auto|on|off|skip"},
    {"MemoryPressureThresholdSec", Syntax::span, "memory", "MemoryPressureThresholdUSec"},
    {"TasksAccounting", Syntax::boolean, "pids"},
    {"TasksMax", Syntax::tasks, "pids"},
    {"IOAccounting", Syntax::boolean, "io"},
    {"IOWeight", Syntax::weight, "io"},
    {"StartupIOWeight", Syntax::weight, "io"},
    {"IODeviceWeight", Syntax::device_weight, "io"},
    {"IOReadBandwidthMax", Syntax::device_bandwidth, "io"},
    {"IOWriteBandwidthMax", Syntax::device_bandwidth, "io"},
    {"IOReadIOPSMax", Syntax::device_count, "io"},
    {"IOWriteIOPSMax", Syntax::device_count, "io"},
    {"IODeviceLatencyTargetSec", Syntax::device_span, "io", "IODeviceLatencyTargetUSec"},
    {"IPAccounting", Syntax::boolean, "", "", "", system_only},
    {"IPAddressAllow", Syntax::addresses, "", "", "", system_only},
    {"IPAddressDeny", Syntax::addresses, "", "", "", system_only},
    {"IPIngressFilterPath", Syntax::path, "", "", "", system_only},
    {"IPEgressFilterPath", Syntax::path, "", "", "", system_only},
    {"BPFProgram", Syntax::program, "", "", "", system_only},
    {"SocketBindAllow", Syntax::ports, "", "", "", system_only},
    {"SocketBindDeny", Syntax::ports, "", "", "", system_only},
    {"RestrictNetworkInterfaces", Syntax::interfaces, "", "", "", system_only},
    {"NFTSet", Syntax::nft_set, "", "", "", system_only},
    {"DeviceAllow", Syntax::device_access, "", "", "", system_only},
    {"DevicePolicy", Syntax::choice, "", "", "auto|closed|strict", system_only},
    {"Delegate", Syntax::delegate},
    {"DisableControllers", Syntax::controllers},
    {"ManagedOOMSwap", Syntax::choice, "", "", "auto|kill"},
    {"ManagedOOMMemoryPressure", Syntax::choice, "", "", "auto|kill"},
    {"ManagedOOMMemoryPressureLimit", Syntax::percentage},
    {"ManagedOOMMemoryPressureDurationSec", Syntax::span, "", "ManagedOOMMemoryPressureDurationUSec"},
    {"ManagedOOMPreference", Syntax::choice, "", "", "none|avoid|omit"},
    {"CoredumpReceive", Syntax::boolean},
    {"RuntimeMaxSec", Syntax::span, "", "RuntimeMaxUSec"},
    {"RuntimeRandomizedExtraSec", Syntax::span, "", "RuntimeRandomizedExtraUSec"},
    {"TimeoutStopSec", Syntax::span, "", "TimeoutStopUSec"},
    {"OOMPolicy", Syntax::choice, "", "", "continue|stop|kill"},
    {"KillMode", Syntax::choice, "", "", "control-group|mixed|process|none"},
    {"KillSignal", Syntax::signal},
    {"RestartKillSignal", Syntax::signal},
    {"FinalKillSignal", Syntax::signal},
    {"SendSIGKILL", Syntax::boolean},
    {"SendSIGHUP", Syntax::boolean},
};

// Names that belong elsewhere, and where.
constexpr std::pair<std::string_view, std::string_view> elsewhere[] = {
    {"Slice", "set [systemd] slice"},
    {"Description", "the description is the profile's"},
    {"CollectMode", "a scope of sbx is always collected"},
    {"PIDs", "the scope is made around the sandbox's own process"},
    {"PIDFDs", "the scope is made around the sandbox's own process"},
    {"CPUShares", "use CPUWeight"},
    {"StartupCPUShares", "use StartupCPUWeight"},
    {"MemoryLimit", "use MemoryMax"},
    {"BlockIOWeight", "use IOWeight"},
    {"BlockIODeviceWeight", "use IODeviceWeight"},
    {"BlockIOReadBandwidth", "use IOReadBandwidthMax"},
    {"BlockIOWriteBandwidth", "use IOWriteBandwidthMax"},
};

std::optional<PropertyValue> as_value(auto parsed) {
  if (!parsed) return std::nullopt;
  return PropertyValue(*std::move(parsed));
}

std::optional<std::uint64_t> parse_weight(std::string_view text) {
  const auto number = parse_number(text);
  return number && *number >= 1 && *number <= 10000 ? number : std::nullopt;
}

// "/dev/sda 10M"; the path may hold spaces, the number can't.
template <typename Parse>
std::optional<PropertyValue> parse_device(std::string_view text, Parse parse) {
  const auto space = text.find_last_of(" \t");
  if (space == std::string_view::npos || !text.starts_with('/')) return std::nullopt;
  const auto number = parse(text.substr(space + 1));
  if (!number) return std::nullopt;
  return std::vector<DeviceNumber>{{std::string(text.substr(0, text.find_last_not_of(" \t", space) + 1)), *number}};
}

std::optional<PropertyValue> parse_interfaces(std::string_view text) {
  NameFilter filter{!text.starts_with('~'), words(text.substr(text.starts_with('~') ? 1 : 0))};
  if (filter.names.empty()) return std::nullopt;
  return filter;
}

std::optional<PropertyValue> parse_device_access(std::string_view text) {
  const auto pieces = words(text);
  if (pieces.empty() || pieces.size() > 2) return std::nullopt;
  const std::string access = pieces.size() == 2 ? pieces[1] : "rwm";
  if (access.find_first_not_of("rwm") != std::string::npos) return std::nullopt;
  if (!pieces[0].starts_with("/dev/") && !pieces[0].starts_with("char-") && !pieces[0].starts_with("block-"))
    return std::nullopt;
  return std::vector<TextPair>{{pieces[0], access}};
}

std::optional<PropertyValue> parse_program(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !text.substr(colon + 1).starts_with('/')) return std::nullopt;
  return std::vector<TextPair>{{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))}};
}

std::optional<PropertyValue> parse_amount(std::string_view text, bool memory) {
  if (text == "infinity") return PropertyValue(UINT64_MAX);
  return as_value(memory ? parse_bytes(text) : parse_number(text));
}

std::optional<PropertyValue> parse_words(std::string_view text) {
  auto list = words(text);
  if (list.empty()) return std::nullopt;
  return list;
}

std::optional<PropertyValue> parse_value(const Known& property, std::string_view text) {
  switch (property.syntax) {
    case Syntax::boolean: return as_value(parse_boolean(text));
    case Syntax::cpu_weight: return text == "idle" ? PropertyValue(std::uint64_t{0}) : as_value(parse_weight(text));
    case Syntax::weight: return as_value(parse_weight(text));
    case Syntax::quota: {
      const auto permyriad = parse_permyriad(text);
      if (!permyriad || *permyriad == 0) return std::nullopt;
      return PropertyValue(*permyriad * 100);  // of a second's microseconds
    }
    case Syntax::span: return as_value(parse_time_span(text));
    case Syntax::memory: return parse_amount(text, true);
    case Syntax::tasks: return parse_amount(text, false);
    case Syntax::indices: return as_value(parse_index_set(text));
    case Syntax::device_weight: return parse_device(text, parse_weight);
    case Syntax::device_bandwidth: return parse_device(text, parse_bandwidth);
    case Syntax::device_count: return parse_device(text, parse_bandwidth);
    case Syntax::device_span: return parse_device(text, parse_time_span);
    case Syntax::addresses: return as_value(parse_addresses(text));
    case Syntax::ports: return as_value(parse_ports(text));
    case Syntax::interfaces: return parse_interfaces(text);
    case Syntax::path:
      return text.starts_with('/') ? std::optional<PropertyValue>(std::vector{std::string(text)}) : std::nullopt;
    case Syntax::program: return parse_program(text);
    case Syntax::nft_set: return as_value(parse_nft_sets(text));
    case Syntax::device_access: return parse_device_access(text);
    case Syntax::choice:
      return std::ranges::count(split(property.choices, '|'), text) > 0 ? std::optional<PropertyValue>(std::string(text))
                                                                         : std::nullopt;
    case Syntax::controllers: return parse_words(text);
    case Syntax::delegate: {
      if (auto yes = parse_boolean(text)) return PropertyValue(*yes);
      return parse_words(text);
    }
    case Syntax::signal: return as_value(parse_signal(text));
    case Syntax::percentage: return as_value(parse_scale(text));
  }
  return std::nullopt;
}

std::string_view describe(const Known& property) {
  switch (property.syntax) {
    case Syntax::boolean: return "yes or no";
    case Syntax::cpu_weight: return "1 to 10000, or idle";
    case Syntax::weight: return "1 to 10000";
    case Syntax::quota: return "a share of one CPU such as 50% or 200%";
    case Syntax::span: return "a time such as 10min or infinity";
    case Syntax::memory: return "a size such as 512M, a share of the memory such as 10%, or infinity";
    case Syntax::tasks: return "a number, a share such as 10%, or infinity";
    case Syntax::indices: return "numbers and ranges such as 0-3 5";
    case Syntax::device_weight: return "a device and a weight such as \"/dev/sda 200\"";
    case Syntax::device_bandwidth: return "a device and bytes a second such as \"/dev/sda 10M\"";
    case Syntax::device_count: return "a device and operations a second such as \"/dev/sda 1K\"";
    case Syntax::device_span: return "a device and a time such as \"/dev/sda 25ms\"";
    case Syntax::addresses: return "addresses such as 10.0.0.0/8, localhost, any";
    case Syntax::ports: return "ports such as any, 8080, tcp:1024-2048, ipv6:udp:53";
    case Syntax::interfaces: return "interfaces such as \"lo eth0\" or \"~eth1\"";
    case Syntax::path: return "an absolute path";
    case Syntax::program: return "a type and a path such as egress:/sys/fs/bpf/program";
    case Syntax::nft_set: return "a set such as cgroup:inet:table:set";
    case Syntax::device_access: return "a device and accesses such as \"/dev/null rw\"";
    case Syntax::choice: return property.choices;
    case Syntax::controllers: return "controllers such as \"cpu memory\"";
    case Syntax::delegate: return "yes, no, or controllers such as \"cpu memory\"";
    case Syntax::signal: return "a signal such as SIGTERM";
    case Syntax::percentage: return "a share such as 60%";
  }
  return {};
}

const Known* find_known(std::string_view name) {
  const auto* found = std::ranges::find(known, name, &Known::name);
  return found == std::end(known) ? nullptr : found;
}

std::unexpected<Error> unknown(const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& property : known) names.push_back(property.name);
  const auto near = nearest(name, names);
  return fail(Step::validate_spec, ErrorKind::profile,
              cat("[systemd] properties: \"", name, "\" is no resource-control property of a scope"),
              near ? cat("did you mean ", *near) : "see systemd.resource-control(5)");
}

}  // namespace

Result<UnitProperty> parse_unit_property(const std::string& name, const std::string& value, bool system_manager) {
  for (const auto& [there, remedy] : elsewhere)
    if (there == name)
      return fail(Step::validate_spec, ErrorKind::profile, cat("[systemd] properties: ", name, " can't be set here"),
                  std::string(remedy));
  const Known* property = find_known(name);
  if (property == nullptr) return unknown(name);
  if (property->system_only && !system_manager)
    return fail(Step::validate_spec, ErrorKind::profile,
                cat("[systemd] properties: ", name, " is not enforced by a user's service manager"),
                "remove it, or run as root");
  const bool scalable = property->syntax == Syntax::memory || property->syntax == Syntax::tasks;
  if (scalable && value.ends_with('%'))
    if (const auto scale = parse_scale(value)) return UnitProperty{name + "Scale", *scale};
  auto parsed = parse_value(*property, value);
  if (!parsed)
    return fail(Step::validate_spec, ErrorKind::profile, cat("[systemd] properties: ", name, " can't be \"", value, "\""),
                cat("give ", describe(*property)));
  std::string bus_name(property->bus_name.empty() ? property->name : property->bus_name);
  if (property->syntax == Syntax::delegate && !std::holds_alternative<bool>(*parsed)) bus_name = "DelegateControllers";
  return UnitProperty{std::move(bus_name), *std::move(parsed)};
}

std::string_view property_controller(const std::string& name) {
  const Known* property = find_known(name);
  return property == nullptr ? std::string_view() : property->controller;
}

}  // namespace sbx
