// Ids, namespaces, the cgroup, Landlock, [fallback]; and what explain says, against golden files.
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>

#include "catch.h"
#include "plan_support.h"

using namespace sbx;
using namespace sbx::test;

namespace {

void check_golden(const std::string& name, const std::string& text) {
  const std::string path = cat(TEST_DATA, "/plan/", name, ".txt");
  if (std::getenv("SBX_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  CHECK(text == expected.str());
}

std::string hint_of(const SandboxSpec& spec, const HostFacts& host) {
  const auto plan = make_plan(spec, host);
  return plan ? "" : cat(plan.error().what, " | ", plan.error().hint);
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("an unprivileged caller is mapped alone", "[plan][ids]") {
  SandboxSpec spec = plain_spec();
  spec.identity.uid = 0;
  const LaunchPlan plan = planned(spec, plain_host());
  REQUIRE(plan.ids.uid_map.size() == 1);
  CHECK(plan.ids.uid_map[0].inside == 0);
  CHECK(plan.ids.uid_map[0].outside == 1000);
  CHECK(plan.ids.uid_map[0].count == 1);
  CHECK(plan.ids.deny_setgroups);
  CHECK_FALSE(plan.ids.helpers);
}

TEST_CASE("subordinate ids fill the ids around the caller's own, and none is mapped twice", "[plan][ids]") {
  SandboxSpec spec = plain_spec();
  spec.identity.subids = true;
  HostFacts host = plain_host();
  CHECK(contains(hint_of(spec, host), "usermod --add-subuids"));
  host.subuids = host.subgids = {{100000, 65536}};
  const LaunchPlan plan = planned(spec, host);
  CHECK(plan.ids.helpers);
  REQUIRE(plan.ids.uid_map.size() == 3);
  CHECK(plan.ids.uid_map[0].inside == 0);
  CHECK(plan.ids.uid_map[0].count == 1000);
  CHECK(plan.ids.uid_map[1].outside == 1000);
  CHECK(plan.ids.uid_map[2].inside == 1001);
  CHECK(plan.ids.uid_map[2].outside == 101000);
  CHECK(plan.ids.uid_map[2].count == 64536);
}

TEST_CASE("modes stand for covers in /proc only where no id inside can be the host's root", "[plan][ids]") {
  const auto by_mode = [](const SandboxSpec& spec, const HostFacts& host) {
    for (const PlannedMount& mount : planned(spec, host).mounts)
      if (const auto* proc = std::get_if<MountProc>(&mount.operation)) return proc->by_mode;
    return false;
  };
  SandboxSpec spec = plain_spec();
  HostFacts host = plain_host();
  CHECK(by_mode(spec, host));
  spec.identity.subids = true;
  host.subuids = host.subgids = {{100000, 65536}};
  CHECK(by_mode(spec, host));
  host.subuids = {{100000, 1000}, {0, 1}};
  CHECK_FALSE(by_mode(spec, host));
  spec.identity.subids = false;
  host.initial_user_namespace = false;  // uid 1000 here may be the host's root
  CHECK_FALSE(by_mode(spec, host));
  host = plain_host();
  host.uid = 0;
  CHECK_FALSE(by_mode(spec, host));
  host.privileged = true;
  spec.namespaces.user = false;
  spec.identity.uid = 1000;
  CHECK_FALSE(by_mode(spec, host));
}

TEST_CASE("no user namespace is for root alone", "[plan][ids]") {
  SandboxSpec spec = plain_spec();
  spec.namespaces.user = false;
  CHECK(contains(hint_of(spec, plain_host()), "run sbx as root"));
  HostFacts host = plain_host();
  host.uid = host.gid = 0;
  host.privileged = true;
  const LaunchPlan plan = planned(spec, host);
  CHECK(plan.ids.uid_map.empty());
  CHECK((plan.clone_flags & CLONE_NEWUSER) == 0);
}

TEST_CASE("the network is a new one unless the host's is asked for", "[plan][namespaces]") {
  SandboxSpec spec = plain_spec();
  CHECK((planned(spec, plain_host()).clone_flags & CLONE_NEWNET) != 0);
  CHECK(planned(spec, plain_host()).loopback);
  spec.namespaces.net = false;
  CHECK(contains(hint_of(spec, plain_host()), "network.mode"));
  spec.accept = {"net"};
  LaunchPlan plan = planned(spec, plain_host());
  CHECK(plan.losses.size() == 1);
  CHECK(plan.landlock.deny_tcp);
  spec.network.mode = NetworkMode::host;
  plan = planned(spec, plain_host());
  CHECK((plan.clone_flags & CLONE_NEWNET) == 0);
  CHECK_FALSE(plan.landlock.deny_tcp);
  CHECK(plan.losses.empty());
}

TEST_CASE("limits go to a scope, or to a cgroup made directly where the unit delegates", "[plan][cgroup]") {
  SandboxSpec spec = plain_spec();
  spec.cgroup.memory_max = 1 << 20;
  spec.cgroup.origins["memory.max"] = "test.toml:30";
  HostFacts host = plain_host();
  const LaunchPlan scoped = planned(spec, host);
  REQUIRE(std::holds_alternative<ScopeRequest>(scoped.cgroup));
  CHECK_FALSE(std::get<ScopeRequest>(scoped.cgroup).system_manager);
  CHECK_FALSE(scoped.scope_optional);
  host.delegated_cgroup = host.own_cgroup;
  CHECK(std::holds_alternative<ScopeRequest>(planned(spec, host).cgroup));  // memory isn't delegated
  host.delegated_controllers = {"memory", "pids"};
  const LaunchPlan direct = planned(spec, host);
  REQUIRE(std::holds_alternative<SubCgroup>(direct.cgroup));
  CHECK(std::get<SubCgroup>(direct.cgroup).name == "sbx-test-t1");
  CHECK(std::get<SubCgroup>(direct.cgroup).parent == host.delegated_cgroup);
  CHECK(host_questions(spec).delegation);
  spec.scope.properties = {{"RuntimeMaxSec", "10min"}};
  CHECK_FALSE(host_questions(spec).delegation);
  CHECK(std::holds_alternative<ScopeRequest>(planned(spec, host).cgroup));
}

TEST_CASE("a limit with no place to hold ends the launch, with cause and remedy, unless accepted", "[plan][cgroup]") {
  SandboxSpec spec = plain_spec();
  HostFacts host = plain_host();
  host.bus_reachable = false;
  CHECK(planned(spec, host).losses.size() == 1);  // scope "auto": said, not fatal
  spec.cgroup.memory_max = 1 << 20;
  spec.cgroup.origins["memory.max"] = "test.toml:30";
  const std::string error = hint_of(spec, host);
  CHECK(contains(error, "cgroup.memory.max (test.toml:30)"));
  CHECK(contains(error, "loginctl enable-linger u"));
  spec.accept = {"memory"};
  CHECK(planned(spec, host).losses.size() == 2);
  spec.require = {"memory"};
  CHECK_FALSE(make_plan(spec, host));
  spec = plain_spec();
  spec.scope.mode = ScopeMode::require;
  CHECK(contains(hint_of(spec, host), "a scope is required"));
  host.cgroup_mode = CgroupMode::v1;
  CHECK(contains(hint_of(spec, host), "unified_cgroup_hierarchy"));
}

TEST_CASE("Landlock allows what the mounts allow", "[plan][landlock]") {
  SandboxSpec spec = plain_spec();
  HostFacts host = plain_host();
  add_directory(host, "/data");
  spec.filesystem.binds = {bind("/data", Access::write)};
  const LaunchPlan plan = planned(spec, host);
  const auto writes = [](const LaunchPlan& of, const std::string& path) {
    for (const LandlockRule& rule : of.landlock.rules)
      if (rule.path == path) return rule.write;
    return false;
  };
  CHECK(plan.landlock.filesystem);
  CHECK(writes(plan, "/data"));
  CHECK(writes(plan, "/tmp"));
  CHECK_FALSE(writes(plan, "/"));
  CHECK_FALSE(writes(plan, "/usr"));
  // A payload that may mount, and can: Landlock would forbid it.
  spec.seccomp.allow = {"@system-service", "@mount"};
  CHECK(planned(spec, host).landlock.filesystem);
  spec.namespaces.nested = true;
  CHECK_FALSE(planned(spec, host).landlock.filesystem);
  spec.seccomp.allow = {"@system-service"};
  CHECK(planned(spec, host).landlock.filesystem);
  spec.namespaces.nested = false;
  spec.capabilities = {"CAP_SYS_ADMIN"};
  spec.seccomp.allow = {"mount"};
  CHECK_FALSE(planned(spec, host).landlock.filesystem);
  spec.landlock = LandlockMode::require;
  CHECK_FALSE(make_plan(spec, host));
  spec.capabilities.clear();
  host.landlock_abi = 0;
  CHECK_FALSE(make_plan(spec, host));
  spec.landlock = LandlockMode::automatic;
  CHECK(planned(spec, host).losses.size() == 1);
  spec.require = {"landlock"};
  CHECK_FALSE(make_plan(spec, host));
}

TEST_CASE("the resolver's file is there with the host's network", "[plan]") {
  SandboxSpec spec = plain_spec();
  HostFacts host = plain_host();
  add_link(host, "/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf", FileKind::regular,
           "/run/systemd/resolve/stub-resolv.conf");
  CHECK_FALSE(has<BindTree>(planned(spec, host), "/run/systemd/resolve/stub-resolv.conf"));
  spec.network.mode = NetworkMode::host;
  CHECK(has<BindTree>(planned(spec, host), "/run/systemd/resolve/stub-resolv.conf"));
}

TEST_CASE("names are added to the host's directories without touching them", "[plan]") {
  SandboxSpec spec = plain_spec();
  HostFacts host = plain_host();
  add_file(host, "/etc/motd");
  add_directory(host, "/data");
  spec.filesystem.files = {{"/etc/motd", "hello\n", "test.toml:40"}, {"/etc/new", "x", "test.toml:41"}};
  spec.filesystem.symlinks = {{"/etc/link", "motd", "test.toml:42"}};
  spec.filesystem.binds = {bind("/data", Access::read, "/etc/deep/data")};
  const LaunchPlan plan = planned(spec, host);
  CHECK(find<MakeFile>(plan, "/etc/motd").cover);
  const LayerDirectory layer = find<LayerDirectory>(plan, "/etc");
  REQUIRE(layer.entries.size() == 4);
  CHECK(layer.entries[0].name == "deep");
  CHECK(layer.entries[1].name == "deep/data");
  CHECK(layer.entries[2].kind == LayerEntry::Kind::symlink);
  CHECK(layer.entries[3].content == "x");
  CHECK(index_of<LayerDirectory>(plan, "/etc") < index_of<BindTree>(plan, "/etc/deep/data"));
}

TEST_CASE("explain says each operation with its origin", "[plan][explain]") {
  check_golden("minimal", explain(planned(plain_spec(), plain_host())));
  SandboxSpec spec = plain_spec();
  HostFacts host = plain_host();
  add_directory(host, "/home/u/proj");
  add_directory(host, "/home/u/data");
  host.subuids = host.subgids = {{100000, 65536}};
  spec.argv = {"make", "-j2"};
  spec.identity.subids = true;
  spec.filesystem.binds = {bind("/home/u/proj", Access::write), bind("/home/u/data", Access::read, "/data")};
  spec.filesystem.binds[1].exec = false;
  spec.filesystem.hides = {{"/home/u/proj/.env", "test.toml:20"}, {"/data/none", "test.toml:21"}};
  spec.filesystem.tmpfs = {{"/scratch", 512U << 20U, 01777, "test.toml:22"}};
  spec.cgroup.memory_max = 512U << 20U;
  spec.cgroup.cpu_quota_us = 50000;
  spec.cgroup.pids_max = 256;
  spec.cgroup.origins = {{"memory.max", "test.toml:30"}, {"cpu.max", "test.toml:31"}, {"pids.max", "command line --pids-limit"}};
  spec.rlimits = {{"nofile", 7, 1024, 1024, "test.toml:33"}};
  spec.environment = {"LANG=C.UTF-8", "XDG_RUNTIME_DIR=/run/user/1000"};
  spec.limits.wall_time_us = 600'000'000;
  spec.require = {"seccomp"};
  check_golden("build", explain(planned(spec, host)));
  host.bus_reachable = false;
  host.landlock_abi = 0;
  spec.accept = {"memory", "cpu", "pids"};
  check_golden("losses", explain(planned(spec, host)));
}

TEST_CASE("kept capabilities are bits by the kernel's numbers", "[plan]") {
  SandboxSpec spec = plain_spec();
  CHECK(planned(spec, plain_host()).kept_capabilities == 0);
  spec.capabilities = {"CAP_CHOWN", "CAP_NET_BIND_SERVICE"};
  CHECK(planned(spec, plain_host()).kept_capabilities == (1U | 1U << 10U));
}

TEST_CASE("what is required must be asked for", "[plan][fallback]") {
  SandboxSpec spec = plain_spec();
  spec.require = {"user", "mount", "pid", "net", "ipc", "uts", "cgroup", "seccomp", "landlock", "capabilities", "scope"};
  CHECK(make_plan(spec, plain_host()));
  spec.require = {"time"};
  CHECK(contains(hint_of(spec, plain_host()), "\"time\""));
  spec.require = {"memory"};
  CHECK_FALSE(make_plan(spec, plain_host()));
  spec.cgroup.memory_max = 1 << 20;
  CHECK(make_plan(spec, plain_host()));
  spec.require = {"net"};
  spec.network.mode = NetworkMode::host;
  CHECK_FALSE(make_plan(spec, plain_host()));
}
