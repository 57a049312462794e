// Names added to a read-only directory of the host, or taken from it: an overlayfs of two lower layers, which is
// read-only by nature, with a tmpfs directory on top. The rules are at the head of child.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "kernel/path.h"
#include "launch/child_mounts.h"

namespace sbx {
namespace {

constexpr std::size_t most_submounts = 256;
constexpr mode_t whiteout_mode = S_IFCHR;  // with device 0:0 (overlayfs.rst); needs no capability since 5.8

char* append(char* at, const char* text) {
  const std::size_t length = std::strlen(text);
  std::memcpy(at, text, length + 1);
  return at + length;
}

char* append_number(char* at, int number) {
  char digits[12];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + number % 10);
  while ((number /= 10) > 0);
  while (count > 0) *at++ = digits[--count];
  *at = '\0';
  return at;
}

int make_entry(int layer, const LayerEntry& entry) {
  const char* name = entry.name.c_str();
  switch (entry.kind) {
    case LayerEntry::Kind::directory: return ::mkdirat(layer, name, 0755) == 0 || errno == EEXIST ? 0 : -errno;
    case LayerEntry::Kind::symlink: return ::symlinkat(entry.content.c_str(), layer, name) == 0 ? 0 : -errno;
    case LayerEntry::Kind::whiteout: return ::mknodat(layer, name, whiteout_mode, ::makedev(0, 0)) == 0 ? 0 : -errno;
    case LayerEntry::Kind::file: break;
  }
  const int fd = ::openat(layer, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
  if (fd < 0) return -errno;
  int error = 0;
  for (std::size_t done = 0; error == 0 && done < entry.content.size();) {
    const ssize_t wrote = ::write(fd, entry.content.data() + done, entry.content.size() - done);
    if (wrote < 0 && errno != EINTR) error = -errno;
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
  }
  ::close(fd);
  return error;
}

}  // namespace

// The upper of the two layers, with the mode of the directory that it changes. Its descriptor.
int MountBuilder::make_layer(const LayerDirectory& operation, int target) {
  const int place = stage();
  if (place < 0) return place;
  char name[32];
  append_number(append(name, "layer"), staged_++);
  struct stat facts;
  if (::fstat(target, &facts) != 0 || ::mkdirat(place, name, facts.st_mode & 0777) != 0) return -errno;
  const int layer = open_in(place, name, Links::refuse, true);
  for (const LayerEntry& entry : operation.entries) {
    if (layer < 0) break;
    if (const int error = make_entry(layer, entry); error != 0) return ::close(layer), error;
  }
  return layer;
}

int MountBuilder::mount_layer(int layer, int target) {
  // By descriptor: no path of the host, with its colons and commas, has to be quoted.
  char lower[64];
  append_number(append(append_number(append(lower, "/proc/self/fd/"), layer), ":/proc/self/fd/"), target);
  const MountOption options[] = {{"lowerdir", lower}};
  struct statvfs facts;
  if (::fstatvfs(target, &facts) != 0) return -errno;
  MountAttributes attributes;
  attributes.read_only = true;
  attributes.no_exec = (facts.f_flag & ST_NOEXEC) != 0;
  return attach_new("overlay", options, 1, attributes, target);
}

int MountBuilder::perform(const LayerDirectory& operation) {
  if (operation.submounts.size() > most_submounts) return -E2BIG;
  const int target = open_in(root_, operation.target.c_str(), Links::refuse, true);
  if (target < 0) return target;
  // Opened now, since the overlay covers them: it shows what lies below them in the directory's own file system.
  int submounts[most_submounts];
  char path[PATH_MAX];
  std::size_t opened = 0;
  int error = operation.target.size() + 2 > sizeof path ? -ENAMETOOLONG : 0;
  char* const below = error != 0 ? path : append(append(path, operation.target.c_str()), "/");
  const auto path_of = [&](const std::string& name) {
    if (name.size() >= sizeof path - static_cast<std::size_t>(below - path)) return -ENAMETOOLONG;
    append(below, name.c_str());
    return 0;
  };
  for (const std::string& name : operation.submounts) {
    if (error == 0) error = path_of(name);
    const int fd = error != 0 ? error : open_in(root_, path, Links::refuse);
    if (fd < 0) {
      error = fd;
      break;
    }
    submounts[opened++] = fd;
  }
  const int layer = error != 0 ? error : make_layer(operation, target);
  error = layer < 0 ? layer : mount_layer(layer, target);
  if (layer >= 0) ::close(layer);
  ::close(target);
  for (std::size_t i = 0; i < opened; ++i) {
    const int place = error != 0 || path_of(operation.submounts[i]) != 0 ? -1 : open_in(root_, path, Links::refuse);
    if (error == 0) error = place < 0 ? place : bind(submounts[i], path, place, MountAttributes{}, true);
    if (place >= 0) ::close(place);
    ::close(submounts[i]);
  }
  return error;
}

}  // namespace sbx
