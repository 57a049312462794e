// Landlock (landlock(7)). The ruleset is made and filled by the child after the pivot: no allocation here.
#pragma once
#include <cstdint>

namespace sbx {
// The kernel's ABI version, 0 where Landlock is absent or disabled.
int landlock_abi();
struct LandlockRights { std::uint64_t filesystem = 0, network = 0, scope = 0; };
// What a ruleset of this ABI handles. `abi` 0 gives none.
LandlockRights landlock_handled(int abi, bool filesystem, bool tcp, bool scope_sockets, bool scope_signals);
// The file rights of one rule, cut to what the ABI knows and to what a non-directory can take.
std::uint64_t landlock_access(int abi, bool write, bool execute, bool devices, bool directory);
// Raw calls; fd or 0 on success, -errno on failure. The fd is the caller's.
int landlock_create(const LandlockRights& handled);
int landlock_allow(int ruleset, int path_fd, std::uint64_t access);
int landlock_restrict(int ruleset);
}  // namespace sbx
