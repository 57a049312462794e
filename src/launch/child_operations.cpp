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
  return make_directory(operation.target.c_str(), operation.mode);
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
  ::close(parent);
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
    ::close(parent);
    return error;
  }
  const Digits name(static_cast<std::uint64_t>(staged_++), 10);
  const int place = stage();
  if (place < 0) return place;
  int error = make_file(place, name.text, operation.content.data(), operation.content.size(), operation.mode);
  if (error != 0) return error;
  const int source = open_in(place, name.text, Links::refuse);
  const int target = open_target(operation.target.c_str(), false);
  MountAttributes attributes;
  attributes.read_only = true;
  error = source < 0 ? source : target < 0 ? target : bind(source, operation.target.c_str(), target, attributes, false);
  if (source >= 0) ::close(source);
  if (target >= 0) ::close(target);
  return error;
}

int MountBuilder::perform(const BindTree& operation) {
  // The source was canonical when the plan was made: a symlink on the way now is somebody's swap.
  const int source = open_in(host_, operation.source.c_str(), Links::refuse, operation.directory);
  if (source < 0) return source;
  int error = same_node(source, operation.dev, operation.ino);
  const int target = error != 0 ? error : open_target(operation.target.c_str(), operation.directory);
  if (target < 0) error = target;
  if (error == 0) {
    MountAttributes attributes;
    attributes.read_only = operation.read_only;
    attributes.no_devices = !operation.allow_devices;
    attributes.no_exec = operation.no_exec;
    // Recursive: mounts below the source that the host locked together can't be taken apart (mount_namespaces(7)).
    // It copies mounts and looks nothing up, so no automount is woken.
    error = bind(source, operation.target.c_str(), target, attributes, true);
  }
  if (target >= 0) ::close(target);
  ::close(source);
  return error;
}

int MountBuilder::perform(const MountTmpfs& operation) {
  const int target = open_target(operation.target.c_str(), true);
  if (target < 0) return target;
  const Digits mode(operation.mode, 8), size(operation.size_bytes, 10);
  const MountOption options[] = {{"mode", mode.text}, {"size", size.text}};
  MountAttributes attributes;
  attributes.no_exec = operation.no_exec;
  const int error = attach_new("tmpfs", options, operation.size_bytes != 0 ? 2 : 1, attributes, target);
  ::close(target);
  return error;
}

int MountBuilder::perform(const MountProc& operation) {
  const int target = open_target(operation.target.c_str(), true);
  if (target < 0) return target;
  const MountOption options[] = {{"hidepid", "2"}};
  MountAttributes attributes;
  attributes.no_exec = true;
  int error = attach_new("proc", options, operation.view == ProcView::hidepid ? 1 : 0, attributes, target);
  ::close(target);
  if (error == 0 && operation.view != ProcView::full) error = mask_proc(operation.target.c_str());
  return error;
}

int MountBuilder::mask_proc(const char* proc) {
  char path[PATH_MAX];
  const std::size_t head = std::strlen(proc);
  if (head + 32 > sizeof path) return -ENAMETOOLONG;
  std::memcpy(path, proc, head);
  path[head] = '/';
  MountAttributes attributes;
  attributes.read_only = attributes.no_exec = true;
  for (const char* name : fixed_in_proc) {
    std::strcpy(path + head + 1, name);
    const int node = open_in(root_, path, Links::refuse);
    if (node == -ENOENT) continue;
    const int error = node < 0 ? node : bind(node, path, node, attributes, false);
    if (node >= 0) ::close(node);
    if (error != 0) return error;
  }
  for (const char* name : hidden_in_proc) {
    std::strcpy(path + head + 1, name);
    if (const int error = hide_at(path, false, false); error != 0) return error;
  }
  for (const char* name : hidden_directories_in_proc) {
    std::strcpy(path + head + 1, name);
    if (const int error = hide_at(path, true, false); error != 0) return error;
  }
  return 0;
}

int MountBuilder::perform(const MountDevpts& operation) {
  const int target = open_target(operation.target.c_str(), true);
  if (target < 0) return target;
  // Each mount of devpts is an instance of its own since 4.7; newinstance is for the kernels before.
  const MountOption options[] = {{"newinstance", nullptr}, {"ptmxmode", "0666"}, {"mode", "0620"}};
  MountAttributes attributes;
  attributes.no_devices = false;
  attributes.no_exec = true;
  const int error = attach_new("devpts", options, 3, attributes, target);
  ::close(target);
  return error;
}

int MountBuilder::hide_at(const char* path, bool directory, bool must_exist) {
  const int target = open_in(root_, path, Links::in_root);
  if (target == -ENOENT && !must_exist) return 0;
  return hide(target, path, directory);
}

int MountBuilder::hide(int target, const char* path, bool directory) {
  if (target < 0) return target;
  MountAttributes attributes;
  attributes.read_only = attributes.no_exec = true;
  const int node = blank(directory);
  const int error = node < 0 ? node : bind(node, path, target, attributes, false);
  ::close(target);
  return error;
}

int MountBuilder::perform(const HidePath& operation) {
  const int target = open_in(root_, operation.target.c_str(), Links::in_root);
  // What was to be hidden may have another name by now.
  const int error = target < 0 ? target : same_node(target, operation.dev, operation.ino);
  if (error == 0) return hide(target, operation.target.c_str(), operation.directory);
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
  ::close(parent);
  return error;
}

int MountBuilder::perform(const SealReadOnly& operation) {
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
