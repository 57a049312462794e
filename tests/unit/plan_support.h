// Hand-written specs and hosts for the plan's tests.
#pragma once
#include <stdexcept>
#include <string>

#include "base/text.h"
#include "plan/make_plan.h"

namespace sbx::test {

inline void add_path(HostFacts& host, const std::string& path, FileKind kind, const std::string& real = {}) {
  static std::uint64_t inode = 100;
  host.paths[path] = {kind, real.empty() ? path : real, 1, ++inode, 0};
}
inline void add_directory(HostFacts& host, const std::string& path) { add_path(host, path, FileKind::directory); }
inline void add_file(HostFacts& host, const std::string& path) { add_path(host, path, FileKind::regular); }
inline void add_link(HostFacts& host, const std::string& path, const std::string& text, FileKind kind, const std::string& real) {
  host.links[path] = text;
  add_path(host, path, kind, real);
}

// A merged-/usr system but for /lib, to have both; an unprivileged caller, uid 1000.
inline HostFacts plain_host() {
  HostFacts host;
  host.uid = host.gid = 1000;
  host.user_name = "u";
  host.new_mount_api = host.overlay_in_userns = true;
  host.landlock_abi = 7;
  host.cgroup_mode = CgroupMode::v2;
  host.own_cgroup = "/user.slice/user-1000.slice/session-1.scope";
  host.bus_reachable = true;
  host.mount_points_known = true;
  for (const char* path : {"/usr", "/etc", "/lib", "/home", "/home/u"}) add_directory(host, path);
  add_link(host, "/bin", "usr/bin", FileKind::directory, "/usr/bin");
  for (const char* path : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"})
    add_path(host, path, FileKind::device);
  return host;
}

inline SandboxSpec plain_spec() {
  SandboxSpec spec;
  spec.name = "t1";
  spec.profile = "test";
  spec.argv = {"true"};
  spec.filesystem.root = RootKind::host;
  spec.filesystem.root_origin = "test.toml:2";
  spec.filesystem.home = HomeKind::private_tmpfs;
  spec.filesystem.home_path = "/home/u";
  spec.filesystem.home_origin = "test.toml:3";
  spec.identity.uid = spec.identity.gid = 1000;
  spec.scope.name = "sbx-test-t1.scope";
  spec.scope.description = "test";
  return spec;
}

inline BindSpec bind(const std::string& path, Access access = Access::read, const std::string& target = {}) {
  return {path, target.empty() ? path : target, access, true, false, "test.toml:9"};
}

inline LaunchPlan planned(const SandboxSpec& spec, const HostFacts& host) {
  auto plan = make_plan(spec, host);
  if (!plan) throw std::runtime_error(format_error(plan.error()));
  return *std::move(plan);
}

inline const std::string& target_of(const MountOperation& operation) {
  return std::visit([](const auto& one) -> const std::string& { return one.target; }, operation);
}

template <typename Operation>
std::size_t index_of(const LaunchPlan& plan, const std::string& target) {
  for (std::size_t i = 0; i < plan.mounts.size(); ++i)
    if (const auto* found = std::get_if<Operation>(&plan.mounts[i].operation); found != nullptr && found->target == target) return i;
  return SIZE_MAX;
}
template <typename Operation>
bool has(const LaunchPlan& plan, const std::string& target) {
  return index_of<Operation>(plan, target) != SIZE_MAX;
}
template <typename Operation>
const Operation& find(const LaunchPlan& plan, const std::string& target) {
  const std::size_t index = index_of<Operation>(plan, target);
  if (index == SIZE_MAX) throw std::runtime_error(cat("the plan has no such operation at ", target));
  return std::get<Operation>(plan.mounts[index].operation);
}
inline std::size_t count_if_target(const LaunchPlan& plan, const std::string& target) {
  std::size_t count = 0;
  for (const PlannedMount& mount : plan.mounts) count += target_of(mount.operation) == target ? 1 : 0;
  return count;
}

}  // namespace sbx::test
