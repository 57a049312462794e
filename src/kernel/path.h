// Paths resolved against a directory, by openat2(2) (5.6) and by a walk where the kernel lacks it.
//
// Fit for use between clone and exec. Every descriptor is O_PATH and CLOEXEC; -errno on failure.
#pragma once
#include <cstdint>

namespace sbx {

enum class Links : std::uint8_t {
  refuse,   // a symlink anywhere is ELOOP
  in_root,  // followed as if `root` were "/", magic links refused
};
// `path` may begin with slashes; it is taken relative to `root` all the same, and never leaves it. "" and "/" are
// `root` itself. `directory`: ENOTDIR for anything else.
int open_in(int root, const char* path, Links links, bool directory = false);

}  // namespace sbx
