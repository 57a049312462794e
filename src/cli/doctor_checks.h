// What `sbx doctor` makes of a host. Pure: doctor_facts.cpp looks, this judges.
#pragma once
#include <string>
#include <vector>

#include "kernel/trials.h"
#include "plan/host_facts.h"

namespace sbx {

struct DoctorFacts {
  HostFacts host;
  HostTrials trials;
  std::string user_namespace_cause, user_namespace_remedy;  // where the trial failed: kernel/obstacles
  std::string proc_cause, proc_remedy;
  bool has_openat2 = false, has_clone3 = false, has_pidfd = false, has_close_range = false, has_cgroup_kill = false;
  bool has_newuidmap = false, has_newgidmap = false;
  bool lingering = false;
  int tun_errno = 0;                         // of opening /dev/net/tun
  std::string controllers_path;              // the cgroup whose controllers the manager can hand out; empty: none found
  std::vector<std::string> controllers;
  std::string home, runtime_dir;             // the environment's
  bool apparmor_restricts = false;           // kernel.apparmor_restrict_unprivileged_userns
};

struct Finding {
  enum class Status : std::uint8_t { ok, warn, fail };
  std::string name;     // "user-namespace"
  Status status = Status::ok;
  std::string cause;    // what was found, or why it isn't there
  std::string remedy;   // empty where nothing is to be done
};

// Everything that is checked, in order; `fail` is what `sbx run` can't do without.
std::vector<Finding> doctor_findings(const DoctorFacts& facts);
bool can_run(const std::vector<Finding>& findings);
std::string_view status_name(Finding::Status status);

}  // namespace sbx
