// What a process takes over from its parent beside memory and files: keyrings, the loopback device's state, ids.
// Raw calls, fit for use between clone and exec; 0 or -errno.
#pragma once
#include <sys/types.h>

namespace sbx {
// A new, anonymous session keyring (keyctl(2) KEYCTL_JOIN_SESSION_KEYRING). ENOSYS, a kernel without keys, is success.
int join_new_keyring();
// IFF_UP on lo of the caller's network namespace.
int bring_up_loopback();
// Sets real, effective and saved ids, and no supplementary groups where that is allowed; keeps every capability.
int set_ids(uid_t uid, gid_t gid, bool drop_groups);
}  // namespace sbx
