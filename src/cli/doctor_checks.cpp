#include "cli/doctor_checks.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"

namespace sbx {
namespace {

using Status = Finding::Status;

class Findings {
 public:
  void ok(std::string name, std::string cause) { list_.push_back({std::move(name), Status::ok, std::move(cause), {}}); }
  void warn(std::string name, std::string cause, std::string remedy) {
    list_.push_back({std::move(name), Status::warn, std::move(cause), std::move(remedy)});
  }
  void fail(std::string name, std::string cause, std::string remedy) {
    list_.push_back({std::move(name), Status::fail, std::move(cause), std::move(remedy)});
  }
  std::vector<Finding> take() { return std::move(list_); }

 private:
  std::vector<Finding> list_;
};

void check_namespaces(const DoctorFacts& facts, Findings& out) {
  const HostTrials& trials = facts.trials;
  if (trials.timed_out || trials.user_namespace < 0)
    out.fail("trial", trials.timed_out ? "making namespaces and mounts took longer than 5 s" : "no child could be made to try namespaces in",
             trials.timed_out ? "look for a stuck file system (dmesg)" : "raise RLIMIT_NPROC, or end other processes");
  if (trials.user_namespace == 0)
    out.ok("user-namespace", facts.apparmor_restricts ? "can be made (AppArmor restricts others, and lets sbx)" : "can be made");
  else if (trials.user_namespace > 0)
    out.fail("user-namespace", facts.user_namespace_cause, facts.user_namespace_remedy);
  const std::array<std::pair<const char*, int>, 7> kinds{{{"mount", trials.mount}, {"pid", trials.pid}, {"net", trials.net},
                                                          {"ipc", trials.ipc}, {"uts", trials.uts}, {"cgroup", trials.cgroup},
                                                          {"time", trials.time}}};
  std::vector<std::string> made;
  for (const auto& [name, result] : kinds) {
    if (result == 0) {
      made.emplace_back(name);
    } else if (result < 0) {
      continue;  // for want of the user namespace, which is told
    } else if (std::string_view(name) == "time") {
      out.warn("time-namespace", errno_text(result), "use Linux 5.6 or newer where a profile sets namespaces.time");
    } else {
      out.fail(cat(name, "-namespace"), errno_text(result),
               result == ENOSPC ? cat("raise the sysctl user.max_", std::string_view(name) == "mount" ? "mnt" : name, "_namespaces")
                                : "use a kernel with all namespaces (CONFIG_NAMESPACES)");
    }
  }
  if (!made.empty()) out.ok("namespaces", join(made, ", "));
}

void check_mounts(const DoctorFacts& facts, Findings& out) {
  const HostTrials& trials = facts.trials;
  if (trials.tmpfs == 0)
    out.ok("mounts", "can be made in a user namespace");
  else if (trials.tmpfs > 0)
    out.fail("mounts", cat("mount a tmpfs in a user namespace: ", errno_text(trials.tmpfs)),
             facts.apparmor_restricts ? "load the profile that sbx installs: apparmor_parser -r /etc/apparmor.d/sbx"
                                      : "start the container with a seccomp filter that allows mount");
  if (trials.proc == 0)
    out.ok("proc", "can be mounted for a new pid namespace");
  else if (trials.proc > 0)
    out.fail("proc", facts.proc_cause, facts.proc_remedy);
  if (trials.overlay == 0)
    out.ok("overlay", "names can be added to read-only directories");
  else if (trials.overlay > 0)
    out.warn("overlay", cat("overlayfs in a user namespace: ", errno_text(trials.overlay), "; absent paths can't be hidden or mounted on"),
             "use Linux 5.11 or newer with overlayfs");
  if (trials.seccomp == 0)
    out.ok("seccomp", "filters can be loaded");
  else if (trials.seccomp > 0)
    out.fail("seccomp", cat("load a filter: ", errno_text(trials.seccomp)), "use a kernel with CONFIG_SECCOMP_FILTER");
}

void check_kernel(const DoctorFacts& facts, Findings& out) {
  const int abi = facts.host.landlock_abi;
  constexpr int full = 6;  // abstract sockets and signals scoped
  if (abi >= full)
    out.ok("landlock", cat("ABI ", abi));
  else if (abi > 0)
    out.warn("landlock", cat("ABI ", abi, ": ", abi < 4 ? "TCP, " : "", abi < 5 ? "device ioctls, " : "", "abstract sockets and signals aren't covered"),
             "use Linux 6.12 or newer for all of it");
  else
    out.warn("landlock", "the kernel offers none; the mounts confine alone", "boot Linux 5.13 or newer with landlock in its lsm= list");
  const std::array<std::tuple<const char*, bool, const char*, const char*>, 6> features{
      {{"mount-api", facts.host.new_mount_api, "open_tree, move_mount, fsopen and mount_setattr", "5.12"},
       {"openat2", facts.has_openat2, "openat2", "5.6"},
       {"clone3", facts.has_clone3, "clone3", "5.3"},
       {"pidfd", facts.has_pidfd, "pidfd_open", "5.3"},
       {"close_range", facts.has_close_range, "close_range", "5.9"},
       {"cgroup.kill", facts.has_cgroup_kill, "cgroup.kill", "5.14"}}};
  for (const auto& [name, present, what, since] : features) {
    if (present)
      out.ok(name, "present");
    else
      out.warn(name, cat(what, " is missing or hidden by a filter; older ways are used"), cat("use Linux ", since, " or newer"));
  }
}

void check_cgroup(const DoctorFacts& facts, Findings& out) {
  const HostFacts& host = facts.host;
  if (host.cgroup_mode == CgroupMode::v2) {
    out.ok("cgroup", "version 2");
  } else {
    out.warn("cgroup", host.cgroup_mode == CgroupMode::none ? "no cgroup file system: limits can't be enforced"
                       : host.cgroup_mode == CgroupMode::v1 ? "version 1: limits can't be enforced"
                                                            : "hybrid: memory, cpu and pids are on version 1, limits can't be enforced",
             "boot with systemd.unified_cgroup_hierarchy=1");
  }
  const std::string user = host.user_name.empty() ? "$USER" : host.user_name;
  const bool system = host.uid == 0 && host.initial_user_namespace;
  if (host.bus_reachable)
    out.ok("bus", system ? "the system's service manager can be asked for scopes" : "the user's service manager can be asked for scopes");
  else if (system)
    out.warn("bus", "no systemd answers: no scope, no limits", "run sbx on a host that systemd manages");
  else
    out.warn("bus", "no bus of this user's service manager (in $XDG_RUNTIME_DIR or /run/user/UID): no scope, no limits",
             cat("start one: loginctl enable-linger ", user));
  if (!system) {
    if (facts.lingering)
      out.ok("lingering", "the user's manager runs without a login");
    else
      out.warn("lingering", "the user's manager ends with the last login, and its sandboxes with it", cat("loginctl enable-linger ", user));
  }
  std::vector<std::string> missing;
  for (const char* name : {"memory", "cpu", "pids"})
    if (std::find(facts.controllers.begin(), facts.controllers.end(), name) == facts.controllers.end()) missing.emplace_back(name);
  if (facts.controllers_path.empty())
    out.warn("controllers", "no cgroup to take them from", "see cgroup and bus");
  else if (missing.empty())
    out.ok("controllers", join(facts.controllers, " "));
  else
    out.warn("controllers", cat(join(missing, ", "), missing.size() == 1 ? " isn't" : " aren't", " delegated to ", facts.controllers_path),
             system ? "enable them in cgroup.subtree_control" : "put Delegate=yes into /etc/systemd/system/user@.service.d/delegate.conf");
  if (!host.delegated_cgroup.empty()) out.ok("delegation", cat(host.delegated_cgroup, " is delegated: sub-cgroups are made directly"));
}

void check_ids(const DoctorFacts& facts, Findings& out) {
  const HostFacts& host = facts.host;
  const std::string user = host.user_name.empty() ? "USER" : host.user_name;
  if (host.user_name.empty())
    out.warn("passwd", cat("uid ", host.uid, " has no passwd entry"), "add one where a program inside wants a user name");
  if (host.subuids.empty() || host.subgids.empty())
    out.warn("subids", cat("no range in ", host.subuids.empty() ? "/etc/subuid" : "/etc/subgid", ": identity.subids can't be had"),
             cat("usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ", user));
  else if (!facts.has_newuidmap || !facts.has_newgidmap)
    out.warn("subids", cat(facts.has_newuidmap ? "newgidmap" : "newuidmap", " isn't installed: identity.subids can't be had"), "install the package uidmap");
  else
    out.ok("subids", cat(host.subuids.front().count, " from ", host.subuids.front().start));
  if (facts.home.empty()) out.warn("home", "HOME isn't set: ~ can't be expanded in profiles", "set HOME");
  if (facts.runtime_dir.empty()) out.warn("runtime-dir", "XDG_RUNTIME_DIR isn't set", cat("log in through pam_systemd, or set it to /run/user/", host.uid));
  if (facts.tun_errno == 0)
    out.ok("tun", "/dev/net/tun can be opened");
  else
    out.warn("tun", cat("/dev/net/tun: ", errno_text(facts.tun_errno), ": user-mode networking can't be had"),
             facts.tun_errno == ENOENT ? "load the module tun" : "chmod 0666 /dev/net/tun, as udev's rules do");
  const NetworkFacts& network = host.network;
  if (network.pasta.empty() && network.slirp4netns.empty())
    out.warn("nat", "neither pasta nor slirp4netns is installed: network.mode = \"private\" can't be had", "install the package passt");
  else if (!network.ipv4_route && !network.ipv6_route)
    out.warn("nat", "no default route: network.mode = \"private\" can't be had", "connect this host to a network");
  else
    out.ok("nat", cat(network.pasta.empty() ? network.slirp4netns : network.pasta, network.pasta.empty() ? ", which publishes no ports" : "",
                      network.ipv6_route ? "" : "; IPv4 alone", network.ipv4_route ? "" : "; IPv6 alone"));
}

}  // namespace

std::vector<Finding> doctor_findings(const DoctorFacts& facts) {
  Findings out;
  check_namespaces(facts, out);
  check_mounts(facts, out);
  check_kernel(facts, out);
  check_cgroup(facts, out);
  check_ids(facts, out);
  return out.take();
}

bool can_run(const std::vector<Finding>& findings) {
  return std::none_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.status == Status::fail; });
}

std::string_view status_name(Finding::Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::warn: return "warn";
    case Status::fail: break;
  }
  return "FAIL";
}

}  // namespace sbx
