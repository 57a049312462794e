// The table of every key of the format: the one source of sbx-profile(5), of `--set` completion and of "did you mean".
#pragma once
#include <span>
#include <string_view>

namespace sbx {
struct ProfileKey {
  std::string_view name;      // "cgroup.memory.max"
  std::string_view type;      // "string", "boolean", "list of strings", "size" ...
  std::string_view values;    // what is allowed, and the default
  std::string_view meaning;   // one sentence or two for the man page
};
std::span<const ProfileKey> profile_keys();
}  // namespace sbx
