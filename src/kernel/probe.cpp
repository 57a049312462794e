#include "kernel/probe.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "kernel/cgroup.h"
#include "kernel/kernel_file.h"
#include "kernel/landlock.h"
#include "kernel/probe_network.h"
#include "kernel/probe_paths.h"
#include "kernel/runtime_directory.h"

// Numbers that Debian 12's headers have and older ones lack; the same on every architecture.
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

namespace sbx {

namespace {

bool has_sys_admin() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

// The whole range maps onto itself in the initial user namespace alone (user_namespaces(7)).
bool in_initial_user_namespace() {
  const std::string map = read_kernel_file("/proc/self/uid_map");
  if (map.empty()) return true;
  std::vector<std::string_view> fields;
  for (const std::string_view field : split(std::string_view(map).substr(0, map.find('\n')), ' '))
    if (!field.empty()) fields.push_back(field);
  return fields.size() == 3 && fields[0] == "0" && fields[1] == "0" && fields[2] == "4294967295";
}

std::vector<SubidRange> read_subids(const char* file, const std::string& user_name, std::uint32_t id) {
  // "name:start:count" lines; the name may be a number (subuid(5)).
  std::vector<SubidRange> ranges;
  const std::string text = read_kernel_file(file), number = cat(id);
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() != 3 || (fields[0] != number && (user_name.empty() || fields[0] != user_name))) continue;
    const auto start = parse_number(fields[1]), count = parse_number(fields[2]);
    constexpr std::uint64_t limit = 0xffffffffU;
    if (!start || !count || *count == 0 || *start + *count > limit) continue;
    ranges.push_back({static_cast<std::uint32_t>(*start), static_cast<std::uint32_t>(*count)});
  }
  return ranges;
}

// Both calls exist, whatever they say to bad arguments: ENOSYS is an old kernel, or a filter that hides them.
bool has_new_mount_api() {
  if (::syscall(SYS_open_tree, -1, "", 0U) < 0 && errno == ENOSYS) return false;
  if (::syscall(SYS_mount_setattr, -1, "", 0U, nullptr, std::size_t{0}) < 0 && errno == ENOSYS) return false;
  return true;
}

bool is_socket(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

bool find_bus(const HostFacts& facts) {
  if (facts.uid == 0 && facts.initial_user_namespace) {
    // /run/systemd/system is how sd_booted(3) tells that systemd is the init.
    return ::access("/run/systemd/system", F_OK) == 0 &&
           (is_socket("/run/systemd/private") || is_socket("/run/dbus/system_bus_socket"));
  }
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/' && is_socket(cat(runtime, "/bus"))) return true;
  return is_socket(cat("/run/user/", facts.uid, "/bus"));
}

// The system's manager marks a unit's own cgroup, and it alone, with user.delegate=1 (since 251; trusted.delegate before,
// which only root reads); a user's manager marks nothing. Being able to write isn't enough: the user owns all cgroups of
// the user manager, and root all.
bool is_marked_delegated(const std::string& directory) {
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = 0;
    if (::getxattr(directory.c_str(), name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

// Outside of the user manager's cgroups a user owns only what was delegated: systemd gives the cgroup of a system service
// to its User= with Delegate=, and trusted.delegate can't be read then.
bool is_given_to_user(const OwnUnit& unit, const std::string& directory) {
  struct stat status {};
  return ::geteuid() != 0 && !unit.user && ::stat(directory.c_str(), &status) == 0 && status.st_uid == ::geteuid();
}

void probe_cgroup(HostFacts& facts) {
  const std::string mount = cgroup_mount();
  if (mount == "/sys/fs/cgroup")
    facts.cgroup_mode = CgroupMode::v2;
  else if (!mount.empty())
    facts.cgroup_mode = CgroupMode::hybrid;
  else
    facts.cgroup_mode = read_kernel_file("/proc/self/cgroup").empty() ? CgroupMode::none : CgroupMode::v1;
  if (mount.empty()) return;
  const auto own = cgroup_of(0);
  if (!own) return;
  facts.own_cgroup = *own;
  facts.own_unit = unit_of_cgroup(*own);
  // A container's root, say, is marked as well.
  const OwnUnit unit = facts.own_unit.value_or(OwnUnit{"", *own, {}});
  const std::string directory = cat(mount, unit.cgroup);
  if (is_marked_delegated(directory) || is_given_to_user(unit, directory)) take_delegation(unit.cgroup, facts);
}

void probe_subids(HostFacts& facts) {
  if (const passwd* entry = ::getpwuid(facts.uid); entry != nullptr) facts.user_name = entry->pw_name;
  facts.subuids = read_subids("/etc/subuid", facts.user_name, facts.uid);
  facts.subgids = read_subids("/etc/subgid", facts.user_name, facts.uid);
}

// Where the next run will look for profiles and filters, and keeps the homes of other profiles.
void probe_own_directories(HostFacts& facts) {
  const char* home = std::getenv("HOME");
  for (const auto& [variable, fallback] : {std::pair{"XDG_CONFIG_HOME", ".config"}, std::pair{"XDG_CACHE_HOME", ".cache"},
                                           std::pair{"XDG_STATE_HOME", ".local/state"}}) {
    const char* base = std::getenv(variable);
    if (base != nullptr && *base == '/')
      facts.own_directories.push_back(canonical_name(normalize_path(cat(base, "/sbx"))));
    else if (home != nullptr && *home == '/')
      facts.own_directories.push_back(canonical_name(normalize_path(cat(home, "/", fallback, "/sbx"))));
  }
  if (facts.uid == 0) facts.own_directories.emplace_back("/etc/sbx");
}

// Only what is there: a launch makes the registry before it looks.
void probe_runtime_directories(HostFacts& facts) {
  for (const auto& path : runtime_directories())
    if (auto name = canonical_name(path); ::access(name.c_str(), F_OK) == 0) facts.runtime_directories.push_back(std::move(name));
}

}  // namespace

void take_delegation(const std::string& cgroup, HostFacts& facts) {
  const std::string directory = cat(cgroup_mount(), cgroup);
  for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"})
    if (::faccessat(AT_FDCWD, cat(directory, file).c_str(), W_OK, AT_EACCESS) != 0) return;
  facts.delegated_cgroup = cgroup;
  // A cgroup that holds processes can't pass more controllers on (cgroups(7), "no internal processes"); the caller can
  // step aside, but not others.
  const std::string members = read_kernel_file(cat(directory, "/cgroup.procs"));
  const bool free = members.empty() || members == cat(::getpid(), "\n");
  std::string text = read_kernel_file(cat(directory, free ? "/cgroup.controllers" : "/cgroup.subtree_control"));
  if (text.ends_with('\n')) text.pop_back();
  for (const std::string_view name : split(text, ' '))
    if (!name.empty()) facts.delegated_controllers.emplace_back(name);
}

std::pair<int, int> kernel_version() {
  utsname name{};
  if (::uname(&name) != 0) return {0, 0};
  const auto parts = split(name.release, '.');
  const auto leading = [&parts](std::size_t index) {
    int value = 0;
    if (index >= parts.size()) return value;
    for (const char c : parts[index]) {
      if (c < '0' || c > '9') break;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  return {leading(0), leading(1)};
}

HostFacts probe_host(const HostQuestions& questions) {
  HostFacts facts;
  facts.uid = ::geteuid();
  facts.gid = ::getegid();
  facts.privileged = has_sys_admin();
  facts.initial_user_namespace = in_initial_user_namespace();
  facts.new_mount_api = has_new_mount_api();
  facts.overlay_in_userns = kernel_version() >= std::pair{5, 11};
  facts.clone_into_cgroup = kernel_version() >= std::pair{5, 7};
  facts.landlock_abi = landlock_abi();
  facts.bus_reachable = find_bus(facts);
  probe_cgroup(facts);
  probe_more(questions, facts);
  return facts;
}

void probe_more(const HostQuestions& questions, HostFacts& facts) {
  if (questions.subids) probe_subids(facts);
  if (questions.network) facts.network = probe_network();
  PathProbe probe(facts.links);
  for (const std::string& path : questions.paths)
    if (!facts.paths.contains(path)) facts.paths.emplace(path, probe.look(path));
  for (const std::string& path : questions.names)
    if (!probe.is_link(path)) facts.paths.emplace(path, probe.look(path));
  // Whoever isn't uid 0 can't read them in any case.
  if (facts.uid == 0)
    for (const std::string& tree : questions.private_trees) find_private_paths(tree, facts.private_paths);
  for (const std::string& path : questions.listings)
    if (auto names = list_directory(path)) facts.listings.emplace(path, *std::move(names));
  if (questions.own_directories) probe_own_directories(facts);
  if (questions.runtime_directories) probe_runtime_directories(facts);
  if (questions.mount_points) {
    facts.mount_points = read_mount_points();
    facts.mount_points_known = true;
  }
}

std::vector<std::string> read_mount_points() {
  std::vector<std::string> points;
  const std::string text = read_kernel_file("/proc/self/mountinfo");
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() < 5) continue;
    std::string point;  // blanks and the like are octal: \040 (proc_pid_mountinfo(5))
    const std::string_view raw = fields[4];
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && i + 3 < raw.size()) {
        point += static_cast<char>((raw[i + 1] - '0') * 64 + (raw[i + 2] - '0') * 8 + (raw[i + 3] - '0'));
        i += 3;
      } else {
        point += raw[i];
      }
    }
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace sbx
