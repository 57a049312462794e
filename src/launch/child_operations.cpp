// One function for each kind of mount operation. The rules are at the head of child.h.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "kernel/path.h"
#include "launch/child_mounts.h"

namespace sbx {
namespace {

struct Digits {
  char text[24];
  Digits(std::uint64_t number, unsigned base) {
    char* at = text + sizeof text;
    *--at = '\0';
    do *--at = static_cast<char>('0' + number % base);
    while ((number /= base) > 0);
    std::memmove(text, at, static_cast<std::size_t>(text + sizeof text - at));
  }
};

// Parts of /proc that act on the machine rather than on the sandbox: read-only.
constexpr const char* fixed_in_proc[] = {"sys", "sysrq-trigger", "irq", "bus", "fs"};
// And those that tell what is the machine's alone.
constexpr const char* hidden_in_proc[] = {"kcore",        "keys",   "key-users",   "timer_list",  "kallsyms",
                                          "kmsg",         "kpagecount", "kpageflags", "kpagecgroup", "latency_stats",
                                          "sched_debug",  "slabinfo",   "vmallocinfo", "iomem",   "ioports",
                                          "config.gz",    "interrupts"};
constexpr const char* hidden_directories_in_proc[] = {"acpi", "scsi", "asound"};

// 0 where it is what the plan saw, or the plan saw nothing in particular (no inode number).
int same_node(int fd, std::uint64_t dev, std::uint64_t ino) {
  if (ino == 0) return 0;
  struct stat facts;
  if (::fstat(fd, &facts) != 0) return -errno;
  return facts.st_dev == dev && facts.st_ino == ino ? 0 : -ESTALE;
}

}  // namespace

Step mount_step(const MountOperation& operation) {
  struct Visitor {
    Step operator()(const MakeDirectory&) const { return Step::make_directory; }
    Step operator()(const MakeSymlink&) const { return Step::make_symlink; }
    Step operator()(const MakeFile&) const { return Step::make_file; }
    Step operator()(const BindTree&) const { return Step::bind; }
    Step operator()(const MountTmpfs&) const { return Step::mount_tmpfs; }
    Step operator()(const MountProc&) const { return Step::mount_proc; }
    Step operator()(const MountDevpts&) const { return Step::mount_devpts; }
    Step operator()(const LayerDirectory&) const { return Step::layer; }
    Step operator()(const HidePath&) const { return Step::hide; }
    Step operator()(const SealReadOnly&) const { return Step::seal; }
    Step operator()(const MakeSocket&) const { return Step::relay_notifications; }
  };
  return std::visit(Visitor{}, operation);
}

int MountBuilder::perform(const MountOperation& operation) {
  return std::visit([this](const auto& one) { return perform(one); }, operation);
}

int MountBuilder::perform(const MakeDirectory& operation) {
  const char* name = nullptr;
  const int parent = open_parent(operation.target.c_str(), &name);
  if (parent < 0) return parent;
  if (::mkdirat(parent, name, operation.mode) == 0) return 0;
  const int failure = errno;
  if (failure != EEXIST && failure != EROFS) return -failure;
  const int present = open_in(parent, name, Links::refuse, true);
  if (present < 0) return failure == EROFS && present == -ENOENT ? -EROFS : present;
  ::close(present);
  return 0;
}

int MountBuilder::perform(const MakeSymlink& operation) {
  const char* name = nullptr;
  const int parent = open_parent(operation.target.c_str(), &name);
  if (parent < 0) return parent;
  int error = ::symlinkat(operation.to.c_str(), parent, name) == 0 ? 0 : -errno;
  if (error == -EEXIST || error == -EROFS) {
    char present[PATH_MAX];
    const ssize_t length = ::readlinkat(parent, name, present, sizeof present);
    if (length >= 0 && operation.to == std::string_view(present, static_cast<std::size_t>(length))) error = 0;
  }
  return error;
}

int MountBuilder::perform(const MakeFile& operation) {
  if (!operation.cover) {
    const char* name = nullptr;
    const int parent = open_parent(operation.target.c_str(), &name);
    if (parent < 0) return parent;
    int error = make_file(parent, name, operation.content.data(), operation.content.size(), operation.mode);
    // A mount point that stands already serves as well.
    if ((error == -EEXIST || error == -EROFS) && operation.content.empty()) {
      const int present = open_in(root_, operation.target.c_str(), Links::refuse);
      if (present >= 0) ::close(present), error = 0;
    }
    return error;
  }
  const Digits name(static_cast<std::uint64_t>(staged_++), 10);
  const int place = stage();
  if (place < 0) return place;
  int error = make_file(place, name.text, operation.content.data(), operation.content.size(), operation.mode);
  if (error != 0) return error;
  const int source = open_in(place, name.text, Links::refuse);
  const int target = open_in(root_, operation.target.c_str(), Links::refuse);
  MountAttributes attributes;
  attributes.read_only = true;
  error = source < 0 ? source : target < 0 ? target : bind(source, operation.target.c_str(), target, attributes, false);
  if (source >= 0) ::close(source);
  if (target >= 0) ::close(target);
  return error;
}

namespace {

// The source was canonical when the plan was made: a symlink on the way now is somebody's swap.
int check_source(const BindTree& operation, int source) {
  struct stat facts;
  if (::fstat(source, &facts) != 0) return -errno;
  if (operation.ino != 0 && (facts.st_dev != operation.dev || facts.st_ino != operation.ino)) return -ESTALE;
  if (S_ISLNK(facts.st_mode)) return -ELOOP;
  return operation.directory && !S_ISDIR(facts.st_mode) ? -ENOTDIR : 0;
}

MountAttributes attributes_of(const BindTree& operation) {
  MountAttributes attributes;
  attributes.read_only = operation.read_only;
  attributes.no_devices = !operation.allow_devices;
  attributes.no_exec = operation.no_exec;
  return attributes;
}

}  // namespace

// A copy of the source's mounts: an entry of its directory, which the last source may have been in as well.
int MountBuilder::clone_source(const BindTree& operation) {
  const char* path = operation.source.c_str();
  while (*path == '/') ++path;
  const char* slash = std::strrchr(path, '/');
  const std::size_t length = slash != nullptr ? static_cast<std::size_t>(slash - path) : 0;
  if (!source_parent_.is(path, length)) {
    char parent[PATH_MAX];
    if (length >= sizeof parent) return -ENAMETOOLONG;
    std::memcpy(parent, path, length);
    parent[length] = '\0';
    const int fd = open_in(host_, parent, Links::refuse, true);
    if (fd < 0) return fd;
    source_parent_.keep(fd, path, length);
  }
  // Recursive: mounts below the source that the host locked together can't be taken apart (mount_namespaces(7)).
  // It copies mounts and looks nothing up, so no automount is woken.
  return clone_mount(source_parent_.fd, true, slash != nullptr ? slash + 1 : path);
}

int MountBuilder::perform(const BindTree& operation) {
  if (classic_) return bind_classic(operation);
  const int mount = clone_source(operation);
  if (mount < 0) return mount;
  Place place;
  int error = check_source(operation, mount);
  if (error == 0) error = add_mount_attributes(mount, attributes_of(operation), true);
  if (error == 0) error = open_place(operation.target.c_str(), operation.directory, place);
  if (error == 0) {
    error = attach(mount, place, operation.target.c_str());
    if (*place.name == '\0') ::close(place.fd);
  }
  ::close(mount);
  return error;
}

int MountBuilder::bind_classic(const BindTree& operation) {
  const int source = open_in(host_, operation.source.c_str(), Links::refuse, operation.directory);
  if (source < 0) return source;
  Place place;
  int error = check_source(operation, source);
  if (error == 0) error = open_place(operation.target.c_str(), operation.directory, place);
  if (error == 0) {
    error = bind(source, operation.target.c_str(), place.fd, attributes_of(operation), true);
    ::close(place.fd);
  }
  ::close(source);
  return error;
}

int MountBuilder::perform(const MountTmpfs& operation) {
  const Digits mode(operation.mode, 8), size(operation.size_bytes, 10);
  const MountOption options[] = {{"mode", mode.text}, {"size", size.text}};
  MountAttributes attributes;
  attributes.no_exec = operation.no_exec;
  return mount_new("tmpfs", options, operation.size_bytes != 0 ? 2 : 1, attributes, operation.target.c_str());
}

int MountBuilder::perform(const MountProc& operation) {
  const MountOption options[] = {{"hidepid", "2"}};
  MountAttributes attributes;
  attributes.no_exec = true;
  const char* target = operation.target.c_str();
  const int error = mount_new("proc", options, operation.view == ProcView::hidepid ? 1 : 0, attributes, target);
  return error != 0 || operation.view == ProcView::full ? error : mask_proc(target, operation.by_mode);
}

int MountBuilder::fix_in_proc(int proc, const char* name, const char* path) {
  MountAttributes attributes;
  attributes.read_only = attributes.no_exec = true;
  if (classic_) {
    const int node = open_in(proc, name, Links::refuse);
    if (node < 0) return node;
    const int error = bind(node, path, node, attributes, false);
    ::close(node);
    return error;
  }
  const int mount = clone_mount(proc, false, name);
  if (mount < 0) return mount;
  int error = add_mount_attributes(mount, attributes, false);
  if (error == 0) error = attach(mount, {proc, name}, path);
  ::close(mount);
  return error;
}

int MountBuilder::mask_proc(const char* target, bool by_mode) {
  char path[PATH_MAX];
  const std::size_t head = std::strlen(target);
  if (head + 32 > sizeof path) return -ENAMETOOLONG;
  std::memcpy(path, target, head);
  path[head] = '/';
  const int proc = open_in(root_, target, Links::refuse, true);
  if (proc < 0) return proc;
  int error = 0;
  const auto each = [&](const auto& names, const auto& act) {
    for (const char* name : names) {
      if (error != 0) return;
      // Asked for first: to close a mount that was never attached takes the kernel longer (a grace period of RCU) than all
      // the others together.
      struct stat facts;
      if (::fstatat(proc, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) error = -errno;
        continue;
      }
      // All of them are the host's root's. Where no id inside is that, the mode alone keeps others out.
      if (by_mode && (facts.st_mode & 077) == 0) continue;
      std::strcpy(path + head + 1, name);
      error = act(name);
    }
  };
  each(fixed_in_proc, [&](const char* name) { return fix_in_proc(proc, name, path); });
  each(hidden_in_proc, [&](const char* name) { return hide_at({proc, name}, path, false); });
  each(hidden_directories_in_proc, [&](const char* name) { return hide_at({proc, name}, path, true); });
  ::close(proc);
  return error;
}

int MountBuilder::perform(const MountDevpts& operation) {
  // Each mount of devpts is an instance of its own since 4.7; newinstance is for the kernels before.
  const MountOption options[] = {{"newinstance", nullptr}, {"ptmxmode", "0666"}, {"mode", "0620"}};
  MountAttributes attributes;
  attributes.no_devices = false;
  attributes.no_exec = true;
  return mount_new("devpts", options, 3, attributes, operation.target.c_str());
}

int MountBuilder::perform(const HidePath& operation) {
  const char* path = operation.target.c_str();
  const int target = open_in(root_, path, Links::in_root);
  // What was to be hidden may have another name by now.
  int error = target < 0 ? target : same_node(target, operation.dev, operation.ino);
  if (error == 0) {
    parent_.close();  // what is covered may be the directory that is open
    error = hide_at({target}, path, operation.directory);
  }
  if (target >= 0) ::close(target);
  return error;
}

// The launcher's own socket gets its name in here alone: nothing of the host can reach it by that name, and nothing is
// left anywhere however the launch ends. bind(2) knows no directory descriptor; the pivot changes the working directory.
int MountBuilder::perform(const MakeSocket& operation) {
  const char* name = nullptr;
  const int parent = open_parent(operation.target.c_str(), &name);
  if (parent < 0) return parent;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  int error = std::strlen(name) < sizeof address.sun_path ? 0 : -ENAMETOOLONG;
  if (error == 0) std::strcpy(address.sun_path, name);
  if (error == 0 && ::fchdir(parent) != 0) error = -errno;
  if (error == 0 && ::bind(notify_socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) error = -errno;
  return error;
}

int MountBuilder::perform(const SealReadOnly& operation) {
  if (const int error = drop_blanks(); error != 0) return error;
  const int target = open_in(root_, operation.target.c_str(), Links::refuse);
  if (target < 0) return target;
  MountAttributes attributes;
  attributes.read_only = true;
  const int error = classic_ ? classic_add_attributes(root_, target, attributes, false)
                             : add_mount_attributes(target, attributes, false);
  ::close(target);
  return error;
}

}  // namespace sbx
