// Orders to the service manager about a unit that runs.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "systemd/unit_property.h"

namespace sbx {

// FreezeUnit and ThawUnit (systemd 246).
Result<> freeze_unit(const std::string& unit, bool freeze, bool system_manager, std::chrono::steady_clock::time_point deadline);
// SetUnitProperties, for as long as the unit runs. The manager writes the cgroup's files a moment after it has answered.
Result<> set_unit_properties(const std::string& unit, const std::vector<UnitProperty>& properties, bool system_manager,
                             std::chrono::steady_clock::time_point deadline);

}  // namespace sbx
