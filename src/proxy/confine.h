// The helper's own confinement: it parses what the sandbox and the network say.
#pragma once
#include <cstddef>

#include "base/result.h"

namespace sbx::proxy {
// Before anything else: descriptors beyond `kept` closed, signals as they are by default, the session left.
void leave_caller(int kept);
// How many connections the limit of open files bears, after it was raised as far as it goes.
std::size_t raise_descriptor_limit(std::size_t wanted);
// No capabilities, no new privileges, no file but /etc/hosts, no call but those that the loop makes.
Result<> confine_self();
}  // namespace sbx::proxy
