// The sandbox's file system, built in the new mount namespace. The rules are at the head of child.h.
//
// The new root is attached over the old one's "/": no directory of the host has to exist for it, and none is covered,
// since a lookup that starts at the old root doesn't step onto what is mounted over it. What is bound from a place that
// the payload mustn't see (empty nodes, files that cover others) lies on a tmpfs over the new root in the same way, which
// goes with the old root.
#include "launch/child_mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "kernel/mount.h"
#include "kernel/path.h"

namespace sbx {

// ---- directories that stay open

bool OpenDirectory::is(const char* other, std::size_t size) const {
  return fd >= 0 && length == size && std::memcmp(path, other, size) == 0;
}

void OpenDirectory::keep(int opened, const char* at, std::size_t size) {
  close();
  fd = opened;
  length = size < sizeof path ? size : sizeof path;  // no path is as long as that
  std::memcpy(path, at, size < sizeof path ? size : 0);
}

void OpenDirectory::close() {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

namespace {

// Parts `path` at its last slash; -EINVAL where it has no name.
int part(const char*& path, const char** name, std::size_t* length) {
  while (*path == '/') ++path;
  const char* slash = std::strrchr(path, '/');
  *name = slash != nullptr ? slash + 1 : path;
  *length = slash != nullptr ? static_cast<std::size_t>(slash - path) : 0;
  return **name == '\0' || std::strlen(path) >= PATH_MAX ? -EINVAL : 0;
}

}  // namespace

// ---- MountBuilder: how

int MountBuilder::attach(int mount, const Place& place, const char* path) {
  const int error = attach_mount(mount, place.fd, place.name);
  // What was open as the directory at `path`, or below it, is covered now.
  while (*path == '/') ++path;
  const std::size_t length = std::strlen(path);
  if (error == 0 && parent_.fd >= 0 && parent_.length >= length && std::memcmp(parent_.path, path, length) == 0 &&
      (parent_.length == length || parent_.path[length] == '/'))
    parent_.close();
  return error;
}

int MountBuilder::attach_new(const char* type, const MountOption* options, int count, const MountAttributes& attributes,
                             int target) {
  if (classic_) return classic_mount(type, options, count, target, attributes);
  const int mount = new_mount(type, options, count, attributes);
  if (mount < 0) return mount;
  const int error = attach_mount(mount, target);
  ::close(mount);
  return error;
}

int MountBuilder::mount_new(const char* type, const MountOption* options, int count, const MountAttributes& attributes,
                            const char* path) {
  Place place;
  if (const int error = open_place(path, true, place); error != 0) return error;
  int error = 0;
  if (classic_) {
    error = classic_mount(type, options, count, place.fd, attributes);
    parent_.close();
  } else {
    const int mount = new_mount(type, options, count, attributes);
    error = mount < 0 ? mount : attach(mount, place, path);
    if (mount >= 0) ::close(mount);
  }
  if (*place.name == '\0') ::close(place.fd);
  return error;
}

int MountBuilder::bind(int source, const char* path, int target, const MountAttributes& attributes, bool recursive) {
  if (classic_) {
    parent_.close();
    if (const int error = classic_bind(source, target, recursive); error != 0) return error;
    // `target` is what lies below by now.
    const int bound = open_in(root_, path, Links::in_root);
    if (bound < 0) return bound;
    const int error = classic_add_attributes(root_, bound, attributes, recursive);
    ::close(bound);
    return error;
  }
  const int mount = clone_mount(source, recursive);
  if (mount < 0) return mount;
  int error = add_mount_attributes(mount, attributes, recursive);
  if (error == 0) error = attach(mount, {target}, path);
  ::close(mount);
  return error;
}

int MountBuilder::open_parent(const char* path, const char** name) {
  std::size_t length = 0;
  if (const int error = part(path, name, &length); error != 0) return error;
  if (parent_.is(path, length)) return parent_.fd;
  char parent[PATH_MAX];
  std::memcpy(parent, path, length);
  parent[length] = '\0';
  int fd = open_in(root_, parent, Links::refuse, true);
  if (fd == -ENOENT && length != 0) {
    if (const int error = make_directory(parent, 0755); error != 0) return error;
    fd = open_in(root_, parent, Links::refuse, true);
  }
  if (fd < 0) return fd;
  parent_.keep(fd, path, length);
  struct statfs facts;
  parent_.in_memory = ::fstatfs(fd, &facts) == 0 && facts.f_type == TMPFS_MAGIC;
  return fd;
}

int MountBuilder::make_directory(const char* path, std::uint32_t mode) {
  while (*path == '/') ++path;
  if (*path == '\0') return 0;
  char text[PATH_MAX];
  if (std::strlen(path) >= sizeof text) return -ENAMETOOLONG;
  std::strcpy(text, path);
  int here = open_in(root_, "/", Links::refuse, true);
  // Each component in turn: those that stand are kept.
  for (char* at = text; here >= 0 && at != nullptr;) {
    char* slash = std::strchr(at, '/');
    if (slash != nullptr) *slash = '\0';
    int error = 0;
    if (*at != '\0' && ::mkdirat(here, at, slash != nullptr ? 0755 : mode) != 0 && errno != EEXIST) {
      error = -errno;
      // A read-only file system says EROFS even where the directory stands.
      if (error == -EROFS && ::faccessat(here, at, F_OK, AT_SYMLINK_NOFOLLOW) == 0) error = 0;
    }
    const int next = error != 0 ? error : open_in(here, at, Links::refuse, true);
    ::close(here);
    here = next;
    at = slash != nullptr ? slash + 1 : nullptr;
  }
  if (here < 0) return here;
  ::close(here);
  return 0;
}

int MountBuilder::make_file(int directory, const char* name, const char* content, std::size_t size, std::uint32_t mode) {
  const int fd = ::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  int error = 0;
  for (std::size_t done = 0; error == 0 && done < size;) {
    const ssize_t wrote = ::write(fd, content + done, size - done);
    if (wrote < 0 && errno != EINTR) error = -errno;
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
  }
  ::close(fd);
  return error;
}

int MountBuilder::open_place(const char* path, bool directory, Place& place) {
  const char* name = nullptr;
  const int parent = open_parent(path, &name);
  if (parent < 0) return parent;
  place = {-ENOENT, ""};
  // On the host's own file systems nothing is tried to be made that is there already.
  if (!parent_.in_memory) place.fd = open_in(parent, name, Links::refuse, directory);
  if (place.fd != -ENOENT) return place.fd < 0 ? place.fd : 0;
  const int made = directory ? ::mkdirat(parent, name, 0755) : ::mknodat(parent, name, S_IFREG | 0444, 0);
  if (made == 0 && !classic_) {
    place = {parent, name};  // a mount may go by that name, since it is known to be no symlink
    return 0;
  }
  const int failure = made == 0 ? 0 : errno;
  if (made != 0 && failure != EEXIST && failure != EROFS) return -failure;
  place.fd = open_in(parent, name, Links::refuse, directory);
  return place.fd >= 0 ? 0 : failure == EROFS && place.fd == -ENOENT ? -EROFS : place.fd;
}

const char* MountBuilder::blank_name(bool directory) { return directory ? ".nothing.d" : ".nothing"; }

// A place for what is bound elsewhere.
int MountBuilder::stage() {
  if (stage_ >= 0) return stage_;
  const MountOption options[] = {{"mode", "0700"}};
  const MountAttributes attributes;
  if (const int error = attach_new("tmpfs", options, 1, attributes, root_); error != 0) return error;
  ++above_;
  // ".." at a mount's root steps onto what is mounted over it (path_resolution(7)).
  stage_ = ::openat(root_, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return stage_ < 0 ? -errno : stage_;
}

// An empty node of mode 0: there, and opened by nobody. One of each kind serves all. On the root's own tmpfs it has a name
// until drop_blanks(), which costs less than a stage and its unmount; else it lies on the stage.
int MountBuilder::blank(bool directory) {
  Mask& mask = masks_[directory];
  if (mask.node >= 0) return mask.node;
  const int place = unlinks_blanks_ ? root_ : stage();
  if (place < 0) return place;
  const char* name = blank_name(directory);
  if (directory ? ::mkdirat(place, name, 0) != 0 : ::mknodat(place, name, S_IFREG, 0) != 0) return -errno;
  mask.node = open_in(place, name, Links::refuse);
  return mask.node;
}

// A detached mount of the blank node.
int MountBuilder::make_mask(bool directory) {
  const int node = blank(directory);
  const int mount = node < 0 ? node : clone_mount(node, false);
  if (mount < 0 || masks_[directory].attached) return mount;
  MountAttributes attributes;
  attributes.read_only = attributes.no_exec = true;
  const int error = add_mount_attributes(mount, attributes, false);
  if (error == 0) return mount;
  ::close(mount);
  return error;
}

int MountBuilder::hide_at(const Place& place, const char* path, bool directory) {
  Mask& mask = masks_[directory];
  if (classic_) {
    const int target = *place.name == '\0' ? place.fd : open_in(place.fd, place.name, Links::refuse);
    if (target < 0) return target;
    MountAttributes attributes;
    attributes.read_only = attributes.no_exec = true;
    const int node = blank(directory);
    const int error = node < 0 ? node : bind(node, path, target, attributes, false);
    if (target != place.fd) ::close(target);
    return error;
  }
  const int mount = make_mask(directory);
  if (mount < 0) return mount;
  const int error = attach(mount, place, path);
  if (error != 0) {
    ::close(mount);
    return error;
  }
  if (!mask.attached) {
    // The first one: what it is a mount of is the source of the others from here on, attributes included.
    ::close(mask.node);
    mask.node = mount;
    mask.attached = true;
    return 0;
  }
  ::close(mount);
  return 0;
}

int MountBuilder::open_root_directory(const LaunchPlan& plan) {
  const int source = open_in(host_, plan.root_directory.c_str(), Links::refuse, true);
  if (source < 0) return source;
  struct stat facts;
  int error = ::fstat(source, &facts) == 0 ? 0 : -errno;
  if (error == 0 && plan.root_ino != 0 && (facts.st_dev != plan.root_dev || facts.st_ino != plan.root_ino)) error = -ESTALE;
  if (error == 0) return source;
  ::close(source);
  return error;
}

int MountBuilder::make_root(const LaunchPlan& plan) {
  host_ = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (host_ < 0) return -errno;
  const MountOption options[] = {{"mode", "0755"}};
  const bool own = plan.root_directory.empty();
  MountAttributes attributes;
  attributes.read_only = !own && plan.root_read_only;
  const int source = own ? -1 : open_root_directory(plan);
  if (!own && source < 0) return source;
  int error = -ENOSYS;
  if (!classic_) {
    root_ = own ? new_mount("tmpfs", options, 1, attributes) : clone_mount(source, true);
    error = root_ < 0 ? root_ : add_mount_attributes(root_, attributes, true);
    if (error == 0) error = attach_mount(root_, host_);
  }
  // A kernel, or a container's filter, without these calls: mount_setattr is the youngest of them.
  if (error == -ENOSYS) {
    classic_ = true;
    if (root_ >= 0) ::close(root_);
    error = own ? classic_mount("tmpfs", options, 1, host_, attributes) : classic_bind(source, host_, true);
    root_ = error != 0 ? -1 : ::open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (error == 0) error = root_ < 0 ? -errno : classic_add_attributes(root_, root_, attributes, true);
  }
  if (source >= 0) ::close(source);
  unlinks_blanks_ = own && !classic_;
  return error;
}

int MountBuilder::drop_blanks() {
  for (const bool directory : {false, true})
    if (unlinks_blanks_ && masks_[directory].node >= 0 &&
        ::unlinkat(root_, blank_name(directory), directory ? AT_REMOVEDIR : 0) != 0)
      return -errno;
  unlinks_blanks_ = false;  // what is unlinked can't be attached any more: what hides comes before
  return 0;
}

int MountBuilder::enter() {
  const int error = drop_blanks();
  return error != 0 ? error : enter_root(root_, above_);
}

void MountBuilder::close_all() {
  for (int* fd : {&host_, &stage_, &root_, &masks_[0].node, &masks_[1].node}) {
    if (*fd >= 0) ::close(*fd);
    *fd = -1;
  }
  parent_.close();
  source_parent_.close();
}

// ---- the order

bool build_root(const ChildProgram& program, Progress& progress) {
  if (!program.new_mount_namespace) return true;
  const LaunchPlan& plan = *program.plan;
  MountBuilder builder(!plan.new_mount_api, program.notify_socket);
  if (!progress.run(Step::make_mounts_private, cut_propagation)) return false;
  if (!progress.run(Step::mount_root, [&] { return builder.make_root(plan); })) return false;
  int index = 0;
  for (const PlannedMount& mount : plan.mounts) {
    const int injected = progress.enter(mount_step(mount.operation));
    progress.at(index++);
    if (!progress.check(injected != 0 ? injected : builder.perform(mount.operation))) return false;
  }
  if (!progress.run(Step::pivot_root, [&] { return builder.enter(); })) return false;
  builder.close_all();
  return true;
}

}  // namespace sbx
