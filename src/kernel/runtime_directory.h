// Where sbx keeps what lives no longer than the boot: the registry of sandboxes, compiled filters.
#pragma once
#include <string>
#include <vector>

namespace sbx {

// In order of preference; whether they exist is another matter. $SBX_RUNTIME_DIR, where it is set. root: /run/sbx, whether
// it came by su, sudo or a login. Others, and the root of a user namespace, who can't make that: $XDG_RUNTIME_DIR/sbx, or
// /run/user/UID/sbx where there is a /run/user/UID. Variables that hold no absolute path don't count.
std::vector<std::string> runtime_directories();

}  // namespace sbx
