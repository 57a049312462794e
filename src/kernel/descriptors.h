// Many file descriptors at once: close_range(2) (5.9).
#pragma once
#include <cstddef>

namespace sbx {
// Closes those from `first` to `last`. -errno.
int close_descriptors(unsigned first, unsigned last, int highest);
// Closes every descriptor but those of `kept` (ascending, `count` of them). -errno.
int close_all_but(const int* kept, std::size_t count, int highest);
// A closed 0, 1 or 2 would be the number of the next descriptor that is opened, and what is printed would go into it: opens
// those on /dev/null. -errno; *at the one at fault.
int fill_standard_descriptors(int* at);
// Puts /dev/null in the place of what of 0 and 1 is a pipe's or a socket's end: whoever is at the other one then learns
// when the payload has closed its own.
void leave_standard_pipes();
// The highest open descriptor. Not for use after clone.
int highest_descriptor();
// What close_descriptors() needs of its caller: the same where the kernel has no close_range, else 0, without a look.
int highest_to_close();
}  // namespace sbx
