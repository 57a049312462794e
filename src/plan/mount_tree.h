// What stands where inside: the mounts of a plan by target, before they are put in order.
#pragma once
#include <map>
#include <string>

#include "base/result.h"
#include "plan/host_view.h"
#include "spec/sandbox_spec.h"

namespace sbx {

struct MountItem {
  enum class Kind : std::uint8_t { directory, tmpfs, bind, proc, devpts, file, symlink, socket };
  Kind kind = Kind::directory;
  std::string target = {};     // canonical, inside
  std::string source = {};     // bind: canonical, on the host
  bool is_directory = true;
  bool read_only = true, no_exec = false, devices = false;
  bool owned = false;          // bind: the sandbox's own storage, where names may be made and stay
  bool sealed = false;         // tmpfs: read-only in the end
  bool implied = false;        // of the root, /dev and the like; not asked for by name
  std::uint64_t dev = 0, ino = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0755;
  std::string text = {};       // file: the content; symlink: what it says
  Origin origin = {};

  // Something that covers what is below it, rather than a name made in another mount.
  bool is_mount() const {
    return kind == Kind::tmpfs || kind == Kind::bind || kind == Kind::proc || kind == Kind::devpts;
  }
};

// "/a" and "b": "/a/b", whatever slashes they have.
std::string join_path(std::string_view directory, std::string_view name);
// The part of `path` below `ancestor`, without a leading slash.
std::string_view path_below(std::string_view path, std::string_view ancestor);

class MountTree {
 public:
  MountTree(MountItem root, HostView& host);

  // A later item at the same target replaces an earlier one.
  void insert(MountItem item);
  void erase(const std::string& target) { items_.erase(target); }
  MountItem* at(const std::string& target);
  // The nearest mount strictly above `path`; the root covers everything.
  const MountItem& cover(std::string_view path) const;
  // Where `path` leads inside, as far as symlinks of the plan and of the host are known; `follow_last`: also where the
  // last component is a symlink.
  Result<std::string> resolve(const std::string& path, bool follow_last, const Origin& origin) const;
  // The host path of an inside path that `bind` covers.
  static std::string host_path(const MountItem& bind, std::string_view path) {
    return join_path(bind.source, path_below(path, bind.target));
  }
  const std::map<std::string, MountItem>& items() const { return items_; }
  HostView& host() const { return host_; }

 private:
  const std::string* symlink_at(const std::string& path, const MountItem& cover) const;

  std::map<std::string, MountItem> items_;
  HostView& host_;
};

}  // namespace sbx
