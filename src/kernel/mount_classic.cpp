// What mount.cpp does, by mount(2) alone. Removable once kernels before 5.12 are.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "kernel/mount.h"
#include "kernel/path.h"

namespace sbx {
namespace {

constexpr std::size_t options_size = 4096;  // mount(2) takes at most a page

// "/proc/self/fd/N" without snprintf, which may take a lock.
struct FdPath {
  char text[32] = "/proc/self/fd/";
  explicit FdPath(int fd) {
    char digits[12];
    int count = 0;
    do digits[count++] = static_cast<char>('0' + fd % 10);
    while ((fd /= 10) > 0);
    char* end = text + std::strlen(text);
    while (count > 0) *end++ = digits[--count];
    *end = '\0';
  }
};

unsigned long mount_flags(const MountAttributes& attributes) {
  unsigned long flags = 0;
  if (attributes.read_only) flags |= MS_RDONLY;
  if (attributes.no_suid) flags |= MS_NOSUID;
  if (attributes.no_devices) flags |= MS_NODEV;
  if (attributes.no_exec) flags |= MS_NOEXEC;
  return flags;
}

// A remount sets all flags at once: those the mount has must be given again, or the kernel refuses to clear the
// locked ones (mount_namespaces(7)).
unsigned long present_flags(const struct statvfs& facts) {
  unsigned long flags = 0;
  if ((facts.f_flag & ST_RDONLY) != 0) flags |= MS_RDONLY;
  if ((facts.f_flag & ST_NOSUID) != 0) flags |= MS_NOSUID;
  if ((facts.f_flag & ST_NODEV) != 0) flags |= MS_NODEV;
  if ((facts.f_flag & ST_NOEXEC) != 0) flags |= MS_NOEXEC;
  if ((facts.f_flag & ST_NOATIME) != 0) flags |= MS_NOATIME;
  if ((facts.f_flag & ST_NODIRATIME) != 0) flags |= MS_NODIRATIME;
  if ((facts.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
  return flags;
}

int remount(const char* path, const MountAttributes& attributes) {
  struct statvfs facts;
  if (::statvfs(path, &facts) != 0) return -errno;
  const unsigned long flags = present_flags(facts) | mount_flags(attributes) | MS_REMOUNT | MS_BIND;
  return ::mount(nullptr, path, nullptr, flags, nullptr) == 0 ? 0 : -errno;
}

// Undoes mountinfo's octal escapes (proc_pid_mountinfo(5)) in place.
void unescape(char* text) {
  char* out = text;
  for (const char* in = text; *in != '\0';) {
    if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' && in[3] >= '0' && in[3] <= '7') {
      *out++ = static_cast<char>((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
      in += 4;
    } else {
      *out++ = *in++;
    }
  }
  *out = '\0';
}

// The fifth field: the mount point, seen from the caller's root.
char* mount_point(char* line) {
  for (int field = 0; field < 4; ++field) {
    line = std::strchr(line, ' ');
    if (line == nullptr) return nullptr;
    ++line;
  }
  if (char* end = std::strchr(line, ' ')) *end = '\0';
  unescape(line);
  return line;
}

// Remounts what is mounted at `point` of the tree at `root`.
int remount_in(int root, const char* point, const MountAttributes& attributes) {
  const int fd = open_in(root, point, Links::refuse);
  if (fd < 0) return fd;
  const int result = remount(FdPath(fd).text, attributes);
  ::close(fd);
  return result;
}

// Remounts each mount strictly below `top` of the tree at `root`.
int remount_below(int root, const char* top, const MountAttributes& attributes) {
  const int fd = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  const std::size_t length = std::strcmp(top, "/") == 0 ? 0 : std::strlen(top);
  static char buffer[3 * PATH_MAX];  // one line: two paths and the options
  std::size_t held = 0;
  int result = 0;
  while (result == 0) {
    const ssize_t got = ::read(fd, buffer + held, sizeof buffer - held - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) result = -errno;
    if (got <= 0) break;
    held += static_cast<std::size_t>(got);
    buffer[held] = '\0';
    char* line = buffer;
    for (char* end; result == 0 && (end = std::strchr(line, '\n')) != nullptr; line = end + 1) {
      *end = '\0';
      const char* point = mount_point(line);
      if (point == nullptr || std::strncmp(point, top, length) != 0 || point[length] != '/') continue;
      if (point[1] == '\0') continue;
      result = remount_in(root, point, attributes);
      // mountinfo lists the mounts of the tree underneath too: absent from this one, or no mount there. What is covered
      // by another mount, or out of this user's sight, is out of the payload's as well.
      if (result == -ENOENT || result == -ENOTDIR || result == -EACCES || result == -EINVAL) result = 0;
    }
    held -= static_cast<std::size_t>(line - buffer);
    if (held == sizeof buffer - 1) result = -ENAMETOOLONG;
    std::memmove(buffer, line, held);
  }
  ::close(fd);
  return result;
}

}  // namespace

int classic_bind(int source, int target, bool recursive) {
  const unsigned long flags = MS_BIND | (recursive ? static_cast<unsigned long>(MS_REC) : 0UL);
  return ::mount(FdPath(source).text, FdPath(target).text, nullptr, flags, nullptr) == 0 ? 0 : -errno;
}

int classic_mount(const char* type, const MountOption* options, int count, int target,
                  const MountAttributes& attributes) {
  char text[options_size];
  std::size_t used = 0;
  const auto add = [&](const char* piece) {
    const std::size_t length = std::strlen(piece);
    if (used + length + 1 > sizeof text) return false;
    std::memcpy(text + used, piece, length);
    used += length;
    return true;
  };
  for (int i = 0; i < count; ++i) {
    bool fits = (i == 0 || add(",")) && add(options[i].key);
    if (options[i].value != nullptr) fits = fits && add("=") && add(options[i].value);
    if (!fits) return -E2BIG;
  }
  text[used] = '\0';
  return ::mount(type, FdPath(target).text, type, mount_flags(attributes), text) == 0 ? 0 : -errno;
}

int classic_add_attributes(int root, int fd, const MountAttributes& attributes, bool recursive) {
  if (const int error = remount(FdPath(fd).text, attributes); error != 0 || !recursive) return error;
  char top[PATH_MAX];
  const ssize_t length = ::readlink(FdPath(fd).text, top, sizeof top - 1);
  if (length < 0) return -errno;
  top[length] = '\0';
  return remount_below(root, top, attributes);
}

}  // namespace sbx
