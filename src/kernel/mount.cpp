#include "kernel/mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sbx {
namespace {

constexpr unsigned at_recursive = 0x8000;  // AT_RECURSIVE: glibc 2.36 has it in a header that clashes with sys/mount.h

int checked(long result) { return result < 0 ? -errno : static_cast<int>(result); }

std::uint64_t attribute_bits(const MountAttributes& attributes) {
  std::uint64_t bits = 0;
  if (attributes.read_only) bits |= MOUNT_ATTR_RDONLY;
  if (attributes.no_suid) bits |= MOUNT_ATTR_NOSUID;
  if (attributes.no_devices) bits |= MOUNT_ATTR_NODEV;
  if (attributes.no_exec) bits |= MOUNT_ATTR_NOEXEC;
  return bits;
}

int configure(int context, const MountOption* options, int count) {
  for (int i = 0; i < count; ++i) {
    const unsigned command = options[i].value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (const int error = checked(::fsconfig(context, command, options[i].key, options[i].value, 0)); error != 0)
      return error;
  }
  return checked(::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
}

}  // namespace

int clone_mount(int fd, bool recursive, const char* name) {
  const unsigned what = *name == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  return checked(::open_tree(fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | what | (recursive ? at_recursive : 0U)));
}

int add_mount_attributes(int fd, const MountAttributes& attributes, bool recursive) {
  mount_attr change{};
  change.attr_set = attribute_bits(attributes);
  const unsigned flags = AT_EMPTY_PATH | (recursive ? at_recursive : 0U);
  return checked(::mount_setattr(fd, "", flags, &change, sizeof change));
}

int attach_mount(int mount, int target, const char* name) {
  const unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*name == '\0' ? MOVE_MOUNT_T_EMPTY_PATH : 0U);
  return checked(::move_mount(mount, "", target, name, flags));
}

int new_mount(const char* type, const MountOption* options, int count, const MountAttributes& attributes) {
  const int context = checked(::fsopen(type, FSOPEN_CLOEXEC));
  if (context < 0) return context;
  int result = configure(context, options, count);
  if (result == 0)
    result = checked(::fsmount(context, FSMOUNT_CLOEXEC, static_cast<unsigned>(attribute_bits(attributes))));
  ::close(context);
  return result;
}

int cut_propagation() {
  // Private rather than slave: a mount made on the host later is none of the sandbox's business, and would show up
  // below a tree that was bound recursively.
  return checked(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
}

int enter_root(int root, int above) {
  if (::fchdir(root) != 0) return -errno;
  // The old root ends up mounted over the new one, at ".": see the NOTES of pivot_root(2).
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return -errno;
  // Not until EINVAL: the last one would be the new root itself.
  for (int left = 1 + above; left > 0; --left)
    if (::umount2(".", MNT_DETACH) != 0) return -errno;
  return checked(::chdir("/"));
}

}  // namespace sbx
