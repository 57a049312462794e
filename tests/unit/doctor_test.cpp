// What doctor makes of hosts that lack one thing or another.
#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "catch.h"
#include "cli/doctor_checks.h"

using namespace sbx;
using Status = Finding::Status;

namespace {

DoctorFacts good_host() {
  DoctorFacts facts;
  facts.host.uid = facts.host.gid = 1000;
  facts.host.user_name = "u";
  facts.host.new_mount_api = facts.host.overlay_in_userns = facts.host.bus_reachable = true;
  facts.host.landlock_abi = 7;
  facts.host.network = {.ipv4_route = true, .ipv6_route = true, .pasta = "/usr/bin/pasta"};
  facts.host.cgroup_mode = CgroupMode::v2;
  facts.host.subuids = facts.host.subgids = {{100000, 65536}};
  auto& trials = facts.trials;
  for (int* result : {&trials.user_namespace, &trials.mount, &trials.pid, &trials.net, &trials.ipc, &trials.uts, &trials.cgroup,
                      &trials.time, &trials.tmpfs, &trials.proc, &trials.overlay, &trials.seccomp})
    *result = 0;
  facts.has_openat2 = facts.has_clone3 = facts.has_pidfd = facts.has_close_range = facts.has_cgroup_kill = true;
  facts.has_newuidmap = facts.has_newgidmap = facts.lingering = true;
  facts.controllers_path = "/user.slice/user-1000.slice/user@1000.service";
  facts.controllers = {"cpu", "memory", "pids"};
  facts.home = "/home/u";
  facts.runtime_dir = "/run/user/1000";
  return facts;
}

// The one finding of that name.
Finding finding(const DoctorFacts& facts, const std::string& name) {
  const auto findings = doctor_findings(facts);
  const auto it = std::find_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.name == name; });
  return it == findings.end() ? Finding{} : *it;
}

}  // namespace

TEST_CASE("a host with everything has nothing to be told", "[doctor]") {
  const auto findings = doctor_findings(good_host());
  CHECK(can_run(findings));
  for (const Finding& one : findings) {
    INFO(one.name << ": " << one.cause);
    CHECK(one.status == Status::ok);
    CHECK(one.remedy.empty());
  }
}

TEST_CASE("what sbx run can't do without fails, with cause and remedy", "[doctor]") {
  DoctorFacts facts = good_host();
  facts.trials = {};
  facts.trials.user_namespace = EPERM;
  facts.user_namespace_cause = "a sysctl forbids it";
  facts.user_namespace_remedy = "set it";
  CHECK_FALSE(can_run(doctor_findings(facts)));
  CHECK(finding(facts, "user-namespace").cause == "a sysctl forbids it");
  CHECK(finding(facts, "user-namespace").remedy == "set it");
  CHECK(finding(facts, "net-namespace").name.empty());  // not tried: one cause, one line

  facts = good_host();
  facts.trials.proc = EPERM;
  facts.proc_cause = "parts of /proc are covered";
  CHECK(finding(facts, "proc").status == Status::fail);

  facts = good_host();
  facts.trials.net = ENOSPC;
  CHECK(finding(facts, "net-namespace").remedy.find("user.max_net_namespaces") != std::string::npos);

  facts = good_host();
  facts.trials.seccomp = EINVAL;
  CHECK_FALSE(can_run(doctor_findings(facts)));
  facts = good_host();
  facts.trials.timed_out = true;
  CHECK_FALSE(can_run(doctor_findings(facts)));
}

TEST_CASE("what sbx run can do without is a warning", "[doctor]") {
  const auto warns = [](const std::string& name, auto change) {
    DoctorFacts facts = good_host();
    change(facts);
    INFO(name);
    CHECK(finding(facts, name).status == Status::warn);
    CHECK_FALSE(finding(facts, name).remedy.empty());
    CHECK(can_run(doctor_findings(facts)));
  };
  warns("landlock", [](DoctorFacts& facts) { facts.host.landlock_abi = 0; });
  warns("landlock", [](DoctorFacts& facts) { facts.host.landlock_abi = 3; });
  warns("cgroup", [](DoctorFacts& facts) { facts.host.cgroup_mode = CgroupMode::hybrid; });
  warns("bus", [](DoctorFacts& facts) { facts.host.bus_reachable = false; });
  warns("lingering", [](DoctorFacts& facts) { facts.lingering = false; });
  warns("controllers", [](DoctorFacts& facts) { facts.controllers = {"memory", "pids"}; });
  warns("controllers", [](DoctorFacts& facts) { facts.controllers_path.clear(); });
  warns("subids", [](DoctorFacts& facts) { facts.host.subuids.clear(); });
  warns("subids", [](DoctorFacts& facts) { facts.has_newgidmap = false; });
  warns("tun", [](DoctorFacts& facts) { facts.tun_errno = EACCES; });
  warns("nat", [](DoctorFacts& facts) { facts.host.network.pasta.clear(); });
  warns("nat", [](DoctorFacts& facts) { facts.host.network.ipv4_route = facts.host.network.ipv6_route = false; });
  warns("overlay", [](DoctorFacts& facts) { facts.trials.overlay = EPERM; });
  warns("mount-api", [](DoctorFacts& facts) { facts.host.new_mount_api = false; });
  warns("passwd", [](DoctorFacts& facts) { facts.host.user_name.clear(); });
  warns("runtime-dir", [](DoctorFacts& facts) { facts.runtime_dir.clear(); });
  warns("time-namespace", [](DoctorFacts& facts) { facts.trials.time = EINVAL; });
}
