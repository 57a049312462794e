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
  int mask_proc(const char* proc);

  // ---- what they are made of; paths are inside, resolved in the new root without following a symlink
  int open_parent(const char* path, const char** name);
  int open_target(const char* path, bool directory);  // made, with its parents, where it is absent
  int make_directory(const char* path, std::uint32_t mode);
  int make_file(int directory, const char* name, const char* content, std::size_t size, std::uint32_t mode);
  int stage();
  int blank(bool directory);
  int attach_new(const char* type, const MountOption* options, int count, const MountAttributes& attributes, int target);
  // `path` is that of `target`, for the classic way, which needs a second look at what it mounted.
  int bind(int source, const char* path, int target, const MountAttributes& attributes, bool recursive);
  int make_layer(const LayerDirectory& operation, int target);
  int mount_layer(int layer, int target);
  int hide_at(const char* path, bool directory, bool must_exist);
  int hide(int target, const char* path, bool directory);  // closes the target

  bool classic_;
  int notify_socket_;
  int host_ = -1, stage_ = -1, root_ = -1;
  int above_ = 0;  // mounts over the new root
  int blank_file_ = -1, blank_directory_ = -1;
  int staged_ = 0;  // files made in stage_ so far
};

}  // namespace sbx
