// uid_map, gid_map and setgroups of a user namespace (user_namespaces(7)).
#pragma once
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"

namespace sbx {
// Writes "setgroups", "uid_map" and "gid_map" below `directory` ("/proc/self", "/proc/PID"). Fit for use after clone.
// 0 or -errno.
int write_id_maps(const char* directory, bool deny_setgroups, const char* uid_map, const char* gid_map);
// newuidmap(1) and newgidmap(1), each waited for with a deadline. The words are "inside", "outside", "count", for each
// range.
Result<> write_id_maps_by_helpers(pid_t pid, const std::vector<std::string>& uid_words,
                                  const std::vector<std::string>& gid_words);
}  // namespace sbx
