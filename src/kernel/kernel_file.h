// A file of /proc, /sys or /etc, whole.
#pragma once
#include <string>

namespace sbx {
// At most 4 MiB; empty where it can't be read.
std::string read_kernel_file(const std::string& path);
}  // namespace sbx
