// How a placeholder (launch/janitor.h) is told from a file of the user's own: the launcher that finds one made by
// another sandbox shares it, and the probe takes its path for absent.
#pragma once
#include <sys/stat.h>
#include <unistd.h>

namespace sbx {
// The modification time of an empty file that a launcher made: whoever writes to it changes that. A whole even second,
// which every file system can store.
inline constexpr time_t placeholder_time = 443'750'400;
inline constexpr mode_t placeholder_directory_mode = S_ISVTX | S_IRWXU;

inline bool is_placeholder(const struct stat& facts) {
  if (facts.st_uid != ::geteuid()) return false;
  if (S_ISDIR(facts.st_mode)) return (facts.st_mode & 07777U) == placeholder_directory_mode;
  return S_ISREG(facts.st_mode) && facts.st_size == 0 && facts.st_mtim.tv_sec == placeholder_time;
}
}  // namespace sbx
