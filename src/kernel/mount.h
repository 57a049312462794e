// The mount calls: open_tree(2), move_mount(2), mount_setattr(2), fsopen(2) (5.2, mount_setattr 5.12), and mount(2).
//
// Raw calls, fit for use between clone and exec: no allocation; an fd or 0 on success, -errno on failure.
#pragma once
#include <cstdint>

namespace sbx {

// The attributes of a mount, under the kernel's own bits (MOUNT_ATTR_*).
struct MountAttributes {
  bool read_only = false, no_suid = true, no_devices = true, no_exec = false;
};

// A copy of the mount at `fd` (an O_PATH descriptor in the caller's mount namespace), detached; with `name` of what that entry
// of the directory `fd` is: a symlink itself, and an automount point asleep.
int clone_mount(int fd, bool recursive, const char* name = "");
// Adds attributes to the mount at `fd`; never takes one away, so that flags locked by a more privileged mount
// namespace stand (mount_namespaces(7)).
int add_mount_attributes(int fd, const MountAttributes& attributes, bool recursive);
// Attaches a detached mount at the place that `target` (O_PATH) is open on; with `name` at that entry of it, no symlink.
int attach_mount(int mount, int target, const char* name = "");

struct MountOption { const char* key; const char* value; };  // value null: a flag
// A new instance of a file system, detached: fsopen, fsconfig, fsmount.
int new_mount(const char* type, const MountOption* options, int count, const MountAttributes& attributes);

// ---- the same by mount(2), for kernels before 5.12. Paths go through /proc/self/fd, which must be the host's.
int classic_bind(int source, int target, bool recursive);
int classic_mount(const char* type, const MountOption* options, int count, int target, const MountAttributes& attributes);
// Remounts the mount whose root `fd` is open on, with its present flags and the added ones; with `recursive` each
// mount below it too, found in /proc/self/mountinfo. `root` is the root of the tree that `fd` is in: mountinfo names its
// mounts from there, while a path of the caller's own would lead into the tree that it lies over.
int classic_add_attributes(int root, int fd, const MountAttributes& attributes, bool recursive);

// MS_REC and MS_SLAVE or MS_PRIVATE on "/": nothing that is mounted from here on reaches the host.
int cut_propagation();
// pivot_root(".", ".") onto the mount at `root`, and the old root detached: one pivot, one unmount (pivot_root(2)), and
// one more for each of the `above` mounts that lie over `root`.
int enter_root(int root, int above);

}  // namespace sbx
