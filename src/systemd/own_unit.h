// What a service manager says of the unit that sbx itself runs in.
#pragma once
#include <chrono>

#include "base/result.h"
#include "spec/cgroup_values.h"

namespace sbx {

// Whether the unit has Delegate=yes and its cgroup is the one that `unit` names. Asked where the cgroup itself doesn't
// tell: a user's manager leaves no mark on it.
Result<bool> unit_delegates(const OwnUnit& unit, std::chrono::steady_clock::time_point deadline);

}  // namespace sbx
