// SandboxSpec: the whole sandbox as one value. Complete, comparable, printable; holds no fd and no library handle.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sbx {

// Where a part of the spec was asked for: "build.toml:12", "command line --rw", "default". For --explain and errors.
using Origin = std::string;

enum class RootKind : std::uint8_t { host, empty, directory };
enum class HomeKind : std::uint8_t { private_tmpfs, persistent, host, none };
enum class Access : std::uint8_t { read, write };
enum class ProcView : std::uint8_t { masked, full, hidepid };

// One of the caller's paths made visible inside. Always nosuid and nodev (but for DeviceSpec).
struct BindSpec {
  std::string source;  // absolute and normalized, on the host; symlinks are followed when it is opened
  std::string target;  // absolute and normalized, inside
  Access access = Access::read;
  bool exec = true;
  bool optional = false;  // an absent source is skipped
  Origin origin;
  bool operator==(const BindSpec&) const = default;
};
struct HideSpec {
  std::string path;  // absolute and normalized, inside; the host may or may not have it
  Origin origin;
  bool operator==(const HideSpec&) const = default;
};
struct TmpfsSpec {
  std::string path;
  std::uint64_t size_bytes = 0;  // 0: the kernel's default (half of RAM)
  std::uint32_t mode = 0755;     // 01777 for /tmp and /var/tmp, 0700 for $HOME and $XDG_RUNTIME_DIR
  Origin origin;
  bool operator==(const TmpfsSpec&) const = default;
};
struct SymlinkSpec {
  std::string path;
  std::string to;  // as written into the link
  Origin origin;
  bool operator==(const SymlinkSpec&) const = default;
};
struct FileSpec {
  std::string path;
  std::string content;
  Origin origin;
  bool operator==(const FileSpec&) const = default;
};
struct DeviceSpec {
  std::string path;  // a device node, or a directory of them; same path inside
  Origin origin;
  bool operator==(const DeviceSpec&) const = default;
};

struct FilesystemSpec {
  RootKind root = RootKind::empty;
  std::string root_directory;  // with RootKind::directory
  Origin root_origin;
  ProcView proc = ProcView::masked;
  HomeKind home = HomeKind::none;
  std::string home_path;       // inside; empty with HomeKind::none
  std::string home_source;     // on the host, for persistent and host; the persistent one is made when absent
  Origin home_origin;
  std::vector<BindSpec> binds;  // `read`, `write` and `bind` lowered to one list
  std::vector<HideSpec> hides;
  std::vector<TmpfsSpec> tmpfs;
  std::vector<SymlinkSpec> symlinks;
  std::vector<FileSpec> files;
  std::vector<DeviceSpec> devices;  // beyond the minimal /dev
  bool operator==(const FilesystemSpec&) const = default;
};

struct NamespacesSpec {
  bool user = true, mount = true, pid = true, net = true, ipc = true, uts = true, cgroup = true, time = false;
  bool nested = false;  // the payload may make user namespaces of its own
  bool operator==(const NamespacesSpec&) const = default;
};

struct IdentitySpec {
  std::string hostname = "sandbox";
  std::uint32_t uid = 65534, gid = 65534;  // who the payload believes to be
  bool subids = false;
  bool operator==(const IdentitySpec&) const = default;
};

enum class NetworkMode : std::uint8_t { none, host, private_nat, filtered, learn };
enum class Transport : std::uint8_t { tcp, udp };
// A port of the sandbox's that stands open on the host.
struct PublishSpec {
  std::string address;  // numeric, of the host
  std::uint16_t host_port = 0, port = 0;
  Transport transport = Transport::tcp;
  Origin origin;
  bool operator==(const PublishSpec&) const = default;
};
// What the sandbox may reach or may not: one entry of network.allow or deny, as it was written (egress/rules.h).
struct AllowSpec {
  std::string text;
  Origin origin;
  bool operator==(const AllowSpec&) const = default;
};
struct NetworkSpec {
  NetworkMode mode = NetworkMode::none;
  std::vector<PublishSpec> publish;
  std::vector<AllowSpec> allow, deny;
  Origin origin;
  bool operator==(const NetworkSpec&) const = default;
};

// Unset: no limit is asked for. UINT64_MAX is cgroup v2's "max".
struct CgroupSpec {
  std::optional<std::uint64_t> memory_max, memory_high, memory_swap_max;  // bytes
  std::optional<std::uint64_t> cpu_quota_us;   // µs of CPU a period; cpu.max "50%" is 50000 of 100000
  std::uint64_t cpu_period_us = 100000;        // 1000 to 1000000
  std::optional<std::uint64_t> cpu_weight;     // 1 to 10000
  std::optional<std::uint64_t> pids_max;
  std::optional<std::uint64_t> io_weight;      // 1 to 10000
  std::map<std::string, Origin> origins;       // by the file's name, e.g. "memory.max"
  bool any() const {
    return memory_max || memory_high || memory_swap_max || cpu_quota_us || cpu_weight || pids_max || io_weight;
  }
  bool operator==(const CgroupSpec&) const = default;
};

enum class ScopeMode : std::uint8_t { automatic, require, none };
struct ScopeSpec {
  ScopeMode mode = ScopeMode::automatic;
  bool in_own_unit = false;  // sbx is a service's main process, and the sandbox is to stay in that service's cgroup
  std::string slice = "sbx.slice";
  std::string name;         // the unit, "sbx-PROFILE-ID.scope"; the ID is made by the front
  std::string description;
  std::vector<std::pair<std::string, std::string>> properties;  // as in systemd-run -p, in order
  bool operator==(const ScopeSpec&) const = default;
};

enum class SeccompErrno : std::uint8_t { eperm, kill, log };
struct SeccompSpec {
  bool default_deny = true;
  std::vector<std::string> allow, deny;  // names of calls and @sets
  SeccompErrno action = SeccompErrno::eperm;
  std::vector<std::string> architectures = {"native"};
  Origin origin;
  std::map<std::string, Origin> origins;  // by the name in `allow` or `deny`
  bool operator==(const SeccompSpec&) const = default;
};

enum class LandlockMode : std::uint8_t { automatic, require, off };

struct RlimitSpec {
  std::string name;            // lower case as in the profile: "nofile"
  int resource = 0;            // RLIMIT_NOFILE ...
  std::uint64_t soft = 0, hard = 0;  // UINT64_MAX: unlimited
  Origin origin;
  bool operator==(const RlimitSpec&) const = default;
};

struct LimitsSpec {
  std::uint64_t wall_time_us = 0;       // 0: none
  std::uint64_t grace_us = 5'000'000;   // between SIGTERM and the end of the whole sandbox
  bool operator==(const LimitsSpec&) const = default;
};

enum class TerminalMode : std::uint8_t { automatic, require, none };

struct SandboxSpec {
  std::string name;          // the sandbox's, unique among the caller's
  std::string profile;       // the first profile's name, for the scope
  std::vector<std::string> argv;
  std::string workdir;       // absolute, inside; empty: the home, or "/" where there is none
  bool workdir_required = false;  // asked for by name: its absence inside is an error
  FilesystemSpec filesystem;
  NamespacesSpec namespaces;
  IdentitySpec identity;
  NetworkSpec network;
  CgroupSpec cgroup;
  ScopeSpec scope;
  SeccompSpec seccomp;
  std::vector<std::string> capabilities;  // kept, "CAP_NET_BIND_SERVICE"
  LandlockMode landlock = LandlockMode::automatic;
  std::vector<RlimitSpec> rlimits;
  std::vector<std::string> environment;   // "NAME=value", sorted by name
  LimitsSpec limits;
  TerminalMode terminal = TerminalMode::automatic;
  std::vector<int> pass_fds;              // kept open inside, beyond 0-2
  // Of a service's payload: where it finds the relay to the service manager (absolute, inside; empty: none), and the
  // variables that are to hold its own pid, which nobody knows before it lives.
  std::string notify_socket;
  std::vector<std::string> pid_variables;
  std::vector<std::string> require;       // [fallback]: names of protections.h
  std::vector<std::string> accept;

  bool operator==(const SandboxSpec&) const = default;
};

// Names that [fallback] takes: user mount pid net ipc uts cgroup time seccomp landlock scope memory cpu pids io
// capabilities rlimits keyring proc.
extern const std::vector<std::string_view> protection_names;

}  // namespace sbx
