// Properties of a transient scope, as text (systemd-run -p NAME=VALUE) and as the bus takes them. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "spec/sandbox_spec.h"

namespace sbx {

// The types of org.freedesktop.systemd1(5) that have no C++ type of their own; the comment is the D-Bus signature.
struct DeviceNumber {  // a(st)
  std::string path;
  std::uint64_t number = 0;
  bool operator==(const DeviceNumber&) const = default;
};
struct TextPair {  // a(ss)
  std::string first, second;
  bool operator==(const TextPair&) const = default;
};
struct AddressPrefix {  // a(iayu)
  std::int32_t family = 0;
  std::vector<std::uint8_t> address;
  std::uint32_t length = 0;
  bool operator==(const AddressPrefix&) const = default;
};
struct PortRule {  // a(iiqq): family and protocol 0: any; count 0: every port
  std::int32_t family = 0, protocol = 0;
  std::uint16_t count = 0, first = 0;
  bool operator==(const PortRule&) const = default;
};
struct NameFilter {  // (bas)
  bool allow = true;
  std::vector<std::string> names;
  bool operator==(const NameFilter&) const = default;
};
struct NftSet {  // a(iiss)
  std::int32_t source = 0, family = 0;
  std::string table, set;
  bool operator==(const NftSet&) const = default;
};

using PropertyValue =
    std::variant<bool, std::int32_t, std::uint32_t, std::uint64_t, std::string, std::vector<std::string>,
                 std::vector<std::uint8_t>, std::vector<DeviceNumber>, std::vector<TextPair>,
                 std::vector<AddressPrefix>, std::vector<PortRule>, NameFilter, std::vector<NftSet>>;

struct UnitProperty {
  std::string name;  // on the bus: "RuntimeMaxUSec"
  PropertyValue value;
  bool operator==(const UnitProperty&) const = default;
};

// Turns "RuntimeMaxSec", "10min", as systemd-run -p takes it, into its typed property. Knows every resource-control
// property of a scope (systemd.resource-control(5), systemd.scope(5), systemd.kill(5)); an unknown one is an error
// that names the nearest. With `system_manager` false, what only the system's manager enforces is an error: a user's
// manager accepts it, logs a warning and enforces nothing.
Result<UnitProperty> parse_unit_property(const std::string& name, const std::string& value, bool system_manager);

// The controller ("memory", "cpuset") without which the manager accepts the property and enforces nothing; empty where
// the property needs none.
std::string_view property_controller(const std::string& name);

// The limits alone, as a unit that runs takes them as well.
std::vector<UnitProperty> limit_properties(const CgroupSpec& limits);
// The whole of a scope's properties but the processes: the limits, then `properties` in order, then delegation and CollectMode. A
// property that a limit sets as well is an error.
Result<std::vector<UnitProperty>> scope_properties(
    const CgroupSpec& limits, const std::vector<std::pair<std::string, std::string>>& properties, bool system_manager);

// Ok where systemd.unit(5) allows the name for a unit of this suffix (".scope", ".slice").
Result<> check_unit_name(const std::string& name, std::string_view suffix);

}  // namespace sbx
