#include "kernel/path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

namespace sbx {
namespace {

constexpr int path_flags = O_PATH | O_CLOEXEC;
constexpr int most_links = 40;  // as the kernel's MAXSYMLINKS

// The walk for kernels before 5.6. Keeps the names from the root to where it is as text: a symlink or ".." rewrites
// the text and starts again at the root, so that no ".." is ever asked of the kernel, which would follow a directory
// that was moved meanwhile.
class Walk {
 public:
  Walk(int root, Links links) : root_(root), links_(links) {}

  int open(const char* path, bool directory) {
    if (std::strlen(path) >= sizeof todo_) return -ENAMETOOLONG;
    std::strcpy(todo_, path);
    for (int restarts = 0; restarts <= most_links; ++restarts) {
      const int result = pass(directory);
      if (result != again) return result;
    }
    return -ELOOP;
  }

 private:
  static constexpr int again = -4096;  // no errno

  int pass(bool directory) {
    int here = ::openat(root_, ".", path_flags | O_DIRECTORY);
    if (here < 0) return -errno;
    for (const char* at = todo_; here >= 0;) {
      while (*at == '/') ++at;
      if (*at == '\0') break;
      const char* end = std::strchr(at, '/');
      const std::size_t length = end != nullptr ? static_cast<std::size_t>(end - at) : std::strlen(at);
      here = step(here, at, length);
      at += length;
    }
    if (here >= 0 && directory) {
      struct stat facts;
      if (::fstat(here, &facts) != 0 || !S_ISDIR(facts.st_mode)) return ::close(here), -ENOTDIR;
    }
    return here;
  }

  // One component; closes `here`. `at` points into todo_.
  int step(int here, const char* at, std::size_t length) {
    char name[NAME_MAX + 1];
    if (length > NAME_MAX) return ::close(here), -ENAMETOOLONG;
    std::memcpy(name, at, length);
    name[length] = '\0';
    if (std::strcmp(name, ".") == 0) return here;
    if (std::strcmp(name, "..") == 0) return ::close(here), links_ == Links::refuse ? -EXDEV : replace(at, length, "", true);
    const int next = ::openat(here, name, path_flags | O_NOFOLLOW);
    const int error = errno;
    ::close(here);
    if (next < 0) return -error;
    struct stat facts;
    if (::fstat(next, &facts) != 0) return ::close(next), -EIO;
    if (!S_ISLNK(facts.st_mode)) return next;
    char target[PATH_MAX];
    const ssize_t got = links_ == Links::refuse ? -1 : ::readlinkat(next, "", target, sizeof target - 1);
    ::close(next);
    if (got < 0) return -ELOOP;
    target[got] = '\0';
    return replace(at, length, target, false);
  }

  // todo_ anew: what was walked (dropped for an absolute `link`, less its last name with `up`), `link`, the rest.
  int replace(const char* at, std::size_t length, const char* link, bool up) {
    char text[PATH_MAX];
    std::size_t before = link[0] == '/' ? 0 : static_cast<std::size_t>(at - todo_);
    if (up) {
      while (before > 0 && todo_[before - 1] == '/') --before;
      while (before > 0 && todo_[before - 1] != '/') --before;
    }
    const std::size_t middle = std::strlen(link), rest = std::strlen(at + length);
    if (before + middle + rest >= sizeof text) return -ENAMETOOLONG;
    std::memcpy(text, todo_, before);
    std::memcpy(text + before, link, middle);
    std::memcpy(text + before + middle, at + length, rest + 1);
    std::memcpy(todo_, text, before + middle + rest + 1);
    return again;
  }

  int root_;
  Links links_;
  char todo_[PATH_MAX] = {};
};

}  // namespace

int open_in(int root, const char* path, Links links, bool directory) {
  const char* relative = path;
  while (*relative == '/') ++relative;
  if (*relative == '\0') relative = ".";
  open_how how{};
  how.flags = static_cast<std::uint64_t>(path_flags | (directory ? O_DIRECTORY : 0));
  how.resolve = RESOLVE_NO_MAGICLINKS |
                (links == Links::refuse ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS : RESOLVE_IN_ROOT);
  // EAGAIN: a rename or mount elsewhere raced with a ".." of the walk (openat2(2)).
  for (int tries = 0; tries < 100; ++tries) {
    const long fd = ::syscall(SYS_openat2, root, relative, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno == ENOSYS) return Walk(root, links).open(relative, directory);
    if (errno != EAGAIN && errno != EINTR) return -errno;
  }
  return -EAGAIN;
}

}  // namespace sbx
