// LaunchPlan: the whole launch, decided before it starts. The order of the launch is the order of this value.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/step.h"
#include "spec/sandbox_spec.h"

namespace sbx {

// ---- mounts: executed in order, inside the new mount namespace; targets are paths inside, resolved in the new root.
// Targets are canonical as far as the probe saw: a symlink found on the way is a swap, but for HidePath, which covers
// what its target leads to. A target (and its parents, mode 0755) that is absent is made where it lies in a tmpfs of the
// plan's or in the persistent home; elsewhere the plan has seen to it.
struct MakeDirectory { std::string target; std::uint32_t mode = 0755; };  // one that exists already is kept
struct MakeSymlink { std::string target, to; };
// An empty one is a mount point. `cover`: the target exists in a host tree and is covered by a bind of the new file.
struct MakeFile { std::string target, content; std::uint32_t mode = 0444; bool cover = false; };
struct BindTree {
  std::string source, target;   // source: canonical, on the host; opened without following any symlink
  bool directory = true;
  bool read_only = true, no_exec = false, allow_devices = false;
  std::uint64_t dev = 0, ino = 0;  // what the launcher saw; a source that differs by then stops the launch
};
struct MountTmpfs { std::string target; std::uint64_t size_bytes = 0; std::uint32_t mode = 0755; bool no_exec = false; };
// `by_mode`: no id inside is the host's root, and what only that may open needs no cover.
struct MountProc { std::string target = "/proc"; ProcView view = ProcView::masked; bool by_mode = false; };
struct MountDevpts { std::string target = "/dev/pts"; };
// Names added to (or taken from) a read-only directory: a read-only overlayfs with a tmpfs layer on top. Names are
// relative to the target and may have several components, parents first. `submounts` (relative too) are carried over.
struct LayerEntry { std::string name; enum class Kind : std::uint8_t { directory, file, symlink, whiteout } kind; std::string content; };
struct LayerDirectory { std::string target; std::vector<LayerEntry> entries; std::vector<std::string> submounts; };
struct HidePath {
  std::string target;
  bool directory = false;
  std::uint64_t dev = 0, ino = 0;  // as in BindTree; 0: a placeholder, or where a layer gives it numbers of its own
};
struct SealReadOnly { std::string target; };
struct MakeSocket { std::string target; };  // binds the launcher's socket for notifications to this name
using MountOperation = std::variant<MakeDirectory, MakeSymlink, MakeFile, BindTree, MountTmpfs, MountProc, MountDevpts,
                                    LayerDirectory, HidePath, SealReadOnly, MakeSocket>;
struct PlannedMount {
  MountOperation operation;
  Origin origin;
};

// Something to mount over within a tree the payload can write, where the host has nothing: the launcher makes an empty
// file (or directory) on the host, in this order, and removes it at the end in reverse (a directory only where empty).
struct Placeholder { std::string path; Origin origin; bool directory = false; };  // path: canonical, on the host

// ---- Landlock, resolved inside after the pivot
struct LandlockRule { std::string path; bool write = false, execute = true, devices = false; };
struct LandlockPlan {
  int abi = 0;               // 0: off
  bool filesystem = true;    // off where the payload may mount: Landlock forbids every mount
  bool deny_tcp = false;     // no network namespace of its own, and no network asked for
  bool scope = true;         // abstract sockets and signals (ABI 6)
  std::vector<LandlockRule> rules;
};

struct IdMap { std::uint32_t inside = 0, outside = 0, count = 1; };
struct IdPlan {
  std::uint32_t uid = 0, gid = 0;      // inside
  std::vector<IdMap> uid_map, gid_map; // empty without a user namespace
  bool deny_setgroups = true;
  bool helpers = false;                // newuidmap and newgidmap write the maps
  bool maps_host_root = true;          // an id inside is the host's root, or may be
};

// ---- the cgroup
struct ScopeRequest {
  std::string name, slice, description;
  bool system_manager = false;  // root's; else the user's
  CgroupSpec limits;
  std::vector<std::pair<std::string, std::string>> properties;
};
struct SubCgroup {                 // inside a unit that delegates its own
  std::string parent;              // path in the v2 hierarchy
  std::string name;
  CgroupSpec limits;
};
struct UnitCgroup {                // the caller's own unit, whose limits are to be as tight as these
  std::string path, unit;
  CgroupSpec limits;
};
using CgroupPlan = std::variant<std::monostate, ScopeRequest, SubCgroup, UnitCgroup>;
inline const CgroupSpec* limits_of(const CgroupPlan& plan) {
  return std::visit([](const auto& place) -> const CgroupSpec* {
    if constexpr (requires { place.limits; }) return &place.limits;
    else return nullptr;
  }, plan);
}

// Given up, as [fallback] accept or scope "auto" allow. `asked`: the key and where it was said, where there is one.
struct Loss { std::string protection, reason, remedy, asked = {}; };

// ---- the network
struct NoNetwork {};       // but for a loopback of its own
struct HostNetwork {};
// A device of its own, which a program outside serves: user-mode NAT.
enum class NatProgram : std::uint8_t { pasta, slirp4netns };
struct PrivateNetwork {
  NatProgram program = NatProgram::pasta;
  std::string path;  // of the program
  bool ipv4 = true, ipv6 = false;
  std::vector<PublishSpec> publish;
};
// Nothing leaves the namespace but through a process outside that holds each connection against the rules.
struct FilteredNetwork {
  std::vector<AllowSpec> allow, deny;
  bool learn = false;  // all that no deny entry names gets out, and is told at the end
};
using NetworkPlan = std::variant<NoNetwork, HostNetwork, PrivateNetwork, FilteredNetwork>;

struct LaunchPlan {
  std::uint64_t clone_flags = 0;   // CLONE_NEW*, but for the cgroup namespace
  bool unshare_cgroup = true;
  bool loopback = true;            // bring lo up: a new network namespace
  IdPlan ids;
  NetworkPlan network;
  CgroupPlan cgroup;
  bool scope_optional = false;     // ScopeMode::automatic: the launch goes on without, and says so
  std::string hostname;            // empty: the caller's UTS namespace
  bool new_mount_api = true;
  std::string root_directory;      // the root is this host directory (canonical); empty: a tmpfs
  bool root_read_only = true;      // of root_directory; a tmpfs is sealed by the last of the mounts
  std::uint64_t root_dev = 0, root_ino = 0;  // of root_directory, as in BindTree
  std::string persistent_home;     // made on the host before the mounts where absent, mode 0700; empty: none
  std::vector<Placeholder> placeholders;
  std::vector<PlannedMount> mounts;
  LandlockPlan landlock;
  std::vector<std::uint8_t> filter;  // struct sock_filter[], compiled
  std::string filter_digest;         // of those bytes
  std::uint64_t kept_capabilities = 0;  // bit n: capability n
  std::vector<RlimitSpec> rlimits;
  std::vector<std::string> argv, environment;
  std::vector<std::string> pid_variables;  // beside `environment`, each with the payload's own pid
  std::string workdir;
  bool workdir_required = false;
  std::vector<int> pass_fds;
  TerminalMode terminal = TerminalMode::automatic;
  LimitsSpec limits;
  std::vector<Loss> losses;
  std::vector<std::string> require;   // what the receipt must show
  std::vector<std::string> accept;    // what may be lost during the launch itself: "scope", "memory", ...
};

}  // namespace sbx
