// seccomp(2).
#pragma once
#include <cstddef>
#include <cstdint>

struct sock_filter;

namespace sbx {
// Puts the calling thread under `count` instructions. 0 or -errno. no_new_privs must be set.
int load_filter(const sock_filter* instructions, std::size_t count);
}  // namespace sbx
