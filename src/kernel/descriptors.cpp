#include "kernel/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/unique_fd.h"

namespace sbx {

int close_descriptors(unsigned first, unsigned last, int highest) {
  if (first > last) return 0;
  if (::syscall(SYS_close_range, first, last, 0) == 0) return 0;
  if (errno != ENOSYS) return -errno;
  const int end = static_cast<int>(std::min(last, static_cast<unsigned>(highest)));
  for (int fd = static_cast<int>(first); fd <= end; ++fd) ::close(fd);
  return 0;
}

int close_all_but(const int* kept, std::size_t count, int highest) {
  unsigned first = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (kept[i] > 0)
      if (const int error = close_descriptors(first, static_cast<unsigned>(kept[i]) - 1, highest); error != 0) return error;
    first = static_cast<unsigned>(kept[i]) + 1;
  }
  return close_descriptors(first, ~0U, highest);
}

int highest_to_close() { return ::syscall(SYS_close_range, ~0U, ~0U, 0) == 0 ? 0 : highest_descriptor(); }

int highest_descriptor() {
  int highest = 0;
  if (const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir("/proc/self/fd"), ::closedir); stream) {
    while (const dirent* entry = ::readdir(stream.get())) highest = std::max(highest, std::atoi(entry->d_name));
    return highest;
  }
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1U << 20U));
}

void leave_standard_pipes() {
  for (const int fd : {0, 1}) {
    struct stat facts {};
    if (::fstat(fd, &facts) != 0 || (!S_ISFIFO(facts.st_mode) && !S_ISSOCK(facts.st_mode))) continue;
    const UniqueFd none(::open("/dev/null", O_CLOEXEC | (fd == 0 ? O_RDONLY : O_WRONLY)));
    if (none) ::dup3(none.get(), fd, 0);
  }
}

int fill_standard_descriptors(int* at) {
  for (*at = 0; *at < 3; ++*at) {
    if (::fcntl(*at, F_GETFD) >= 0) continue;
    // The lowest free number is taken: this one, since those before are open. Not CLOEXEC: it is the payload's.
    const int opened = ::open("/dev/null", *at == 0 ? O_RDONLY : O_WRONLY);
    if (opened < 0) return -errno;
    if (opened != *at) return ::close(opened), -EBADF;
  }
  return 0;
}

}  // namespace sbx
