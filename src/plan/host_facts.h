// HostFacts: what this host offers. A plain value that a test writes by hand; kernel/probe fills it in.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "spec/cgroup_values.h"

namespace sbx {

enum class FileKind : std::uint8_t { absent, regular, directory, symlink, device, other };

struct PathFact {
  FileKind kind = FileKind::absent;  // after symlinks are followed
  std::string real_path;             // canonical, where it exists
  std::uint64_t dev = 0, ino = 0;
  int errno_value = 0;               // why it can't be opened, where it isn't simply absent
  bool operator==(const PathFact&) const = default;
};

struct ListedName {
  std::string name;
  FileKind kind = FileKind::absent;  // of the name itself
  std::string link;                  // what a symlink says
  std::uint64_t dev = 0, ino = 0;
  bool operator==(const ListedName&) const = default;
};

struct SubidRange {
  std::uint32_t start = 0, count = 0;
  bool operator==(const SubidRange&) const = default;
};

// What make_plan will want to know of this host for one spec.
struct HostQuestions {
  std::vector<std::string> paths;          // for HostFacts::paths and links
  std::vector<std::string> names;          // as paths, but where one is a symlink only what it says
  std::vector<std::string> private_trees;  // for HostFacts::private_paths; asked for a root caller alone
  bool subids = false;                     // user_name, subuids and subgids
  bool own_directories = false;
  bool runtime_directories = false;
  bool network = false;
  bool mount_points = false;
  bool delegation = false;                 // delegated_cgroup, though the service manager has to be asked
  std::vector<std::string> listings;       // directories
  bool empty() const { return paths.empty() && names.empty() && private_trees.empty() && !subids && !network && !mount_points && listings.empty(); }
};

enum class CgroupMode : std::uint8_t { none, v1, hybrid, v2 };

// What user-mode networking needs of the host.
struct NetworkFacts {
  int tun_errno = 0;                 // of opening /dev/net/tun
  bool ipv4_route = false, ipv6_route = false;  // a default route
  std::string pasta, slirp4netns;    // the programs' paths; empty: not installed
  bool operator==(const NetworkFacts&) const = default;
};

struct HostFacts {
  std::uint32_t uid = 0, gid = 0;          // effective
  bool privileged = false;                 // CAP_SYS_ADMIN in the caller's user namespace
  bool initial_user_namespace = true;
  std::string user_name;                   // empty: no passwd entry
  std::vector<SubidRange> subuids, subgids;

  bool new_mount_api = false;      // open_tree, move_mount, fsopen (5.2) and mount_setattr (5.12)
  bool overlay_in_userns = false;  // 5.11
  int landlock_abi = 0;            // 0: none
  bool clone_into_cgroup = true;   // 5.7

  CgroupMode cgroup_mode = CgroupMode::none;
  std::string own_cgroup;                        // path in the v2 hierarchy, "/user.slice/..."
  std::optional<OwnUnit> own_unit;               // that it lies in
  std::string delegated_cgroup;                  // the unit's, where the caller may make sub-cgroups of it; else empty
  std::vector<std::string> delegated_controllers; // of delegated_cgroup
  bool bus_reachable = false;                    // the manager's bus socket exists

  std::map<std::string, PathFact> paths;     // by the name that was asked for; what isn't here counts as absent
  std::map<std::string, std::string> links;  // symlinks met on the way to `paths`: where each is, what it says
  std::vector<std::string> private_paths;    // below private_trees: what others than root can't read
  std::vector<std::string> own_directories;  // sbx's profiles, filters and homes of this caller, canonical, there or not
  std::vector<std::string> runtime_directories;  // the registry of sandboxes, and filters: canonical, those that exist
  bool mount_points_known = false;
  std::vector<std::string> mount_points;     // of the caller's mount namespace; only where a plan asks for them

  NetworkFacts network;

  std::map<std::string, std::vector<ListedName>> listings;  // of directories that a plan asks for

  const PathFact& path(const std::string& name) const {
    static const PathFact absent;
    const auto it = paths.find(name);
    return it == paths.end() ? absent : it->second;
  }
};

}  // namespace sbx
