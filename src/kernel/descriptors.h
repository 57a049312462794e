// Many file descriptors at once: close_range(2) (5.9).
#pragma once
#include <cstddef>

namespace sbx {
// Sets FD_CLOEXEC on every descriptor from `first` on. `highest`: an upper bound, for kernels before 5.11. -errno.
int close_on_exec_from(int first, int highest);
// Closes every descriptor but those of `kept` (ascending, `count` of them). -errno.
int close_all_but(const int* kept, std::size_t count, int highest);
// The highest open descriptor of the caller; reads /proc/self/fd. Not for use after clone.
int highest_descriptor();
}  // namespace sbx
