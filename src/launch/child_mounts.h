// Carries mount operations out, by the new mount calls or by mount(2). The rules are at the head of child.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "kernel/mount.h"
#include "launch/child.h"

namespace sbx {

// The Step that an operation runs under.
Step mount_step(const MountOperation& operation);

// A directory that stays open, since what comes next is mostly in the same one.
struct OpenDirectory {
  int fd = -1;
  bool in_memory = false;  // on a tmpfs: a name is made there first and asked for afterwards
  std::size_t length = 0;
  char path[256];          // without a slash at either end; longer ones aren't kept
  bool is(const char* other, std::size_t size) const;
  void keep(int opened, const char* at, std::size_t size);
  void close();
};

// Where something is attached: at an entry of `fd`, or with "" at `fd` itself, which is to be closed then.
struct Place {
  int fd = -1;
  const char* name = "";
};

class MountBuilder {
 public:
  MountBuilder(bool classic, int notify_socket) : classic_(classic), notify_socket_(notify_socket) {}
  int make_root(const LaunchPlan& plan);
  int open_root_directory(const LaunchPlan& plan);
  int perform(const MountOperation& operation);  // child_operations.cpp
  int enter();
  void close_all();

 private:
  // ---- operations
  int perform(const MakeDirectory& operation);
  int perform(const MakeSymlink& operation);
  int perform(const MakeFile& operation);
  int perform(const BindTree& operation);
  int perform(const MountTmpfs& operation);
  int perform(const MountProc& operation);
  int perform(const MountDevpts& operation);
  int perform(const LayerDirectory& operation);  // child_layer.cpp
  int perform(const HidePath& operation);
  int perform(const SealReadOnly& operation);
  int perform(const MakeSocket& operation);
  int mask_proc(const char* target, bool by_mode);
  int fix_in_proc(int proc, const char* name, const char* path);

  // ---- what they are made of; paths are inside, resolved in the new root without following a symlink
  int open_parent(const char* path, const char** name);  // made where it is absent; stays open in parent_
  int open_place(const char* path, bool directory, Place& place);  // made, with its parents, where it is absent
  int make_directory(const char* path, std::uint32_t mode);
  int make_file(int directory, const char* name, const char* content, std::size_t size, std::uint32_t mode);
  int stage();
  int blank(bool directory);
  int attach_new(const char* type, const MountOption* options, int count, const MountAttributes& attributes, int target);
  int mount_new(const char* type, const MountOption* options, int count, const MountAttributes& attributes, const char* path);
  int attach(int mount, const Place& place, const char* path);
  // `path` is that of `target`, for the classic way, which needs a second look at what it mounted.
  int bind(int source, const char* path, int target, const MountAttributes& attributes, bool recursive);
  int make_layer(const LayerDirectory& operation, int target);
  int mount_layer(int layer, int target);
  int clone_source(const BindTree& operation);
  int bind_classic(const BindTree& operation);
  int hide_at(const Place& place, const char* path, bool directory);
  int make_mask(bool directory);
  int drop_blanks();

  static const char* blank_name(bool directory);

  bool classic_;
  int notify_socket_;
  bool unlinks_blanks_ = false;  // blank nodes are on the root's own tmpfs, not on the stage
  int host_ = -1, stage_ = -1, root_ = -1;
  int above_ = 0;  // mounts over the new root
  // An empty node of mode 0; [1]: a directory.
  struct Mask {
    int node = -1;
    bool attached = false;  // `node` is a mount of it: a copy has its attributes
  } masks_[2];
  OpenDirectory parent_, source_parent_;
  int staged_ = 0;  // files made in stage_ so far
};

}  // namespace sbx
