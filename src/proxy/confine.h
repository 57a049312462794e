// The helper's own confinement: it parses what the sandbox and the network say.
#pragma once
#include <cstddef>

#include "base/result.h"

namespace sbx::proxy {
// Before anything else: the launcher's death is the helper's, descriptors beyond `kept` are closed and those up to it not
// inherited, signals are as they are by default, the session is left.
Result<> leave_caller(int first, int kept);
// How many connections the limit of open files bears, after it was raised as far as it goes.
std::size_t raise_descriptor_limit(std::size_t wanted);
// No capabilities, no new privileges, no file but /etc/hosts, no call but those that the loop makes.
Result<> confine_self();
}  // namespace sbx::proxy
