#include "cli/doctor_facts.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "base/unique_fd.h"
#include "kernel/cgroup.h"
#include "kernel/kernel_file.h"
#include "kernel/probe.h"

namespace sbx {
namespace {

// Bad arguments: any answer but ENOSYS says that the call is there.
template <typename... Arguments>
bool has_call(long number, Arguments... arguments) {
  const long result = ::syscall(number, arguments...);
  if (result >= 0) ::close(static_cast<int>(result));
  return result >= 0 || errno != ENOSYS;
}

bool is_installed(const char* program) {
  for (const char* directory : {"/usr/bin/", "/bin/", "/usr/local/bin/"})
    if (::access(cat(directory, program).c_str(), X_OK) == 0) return true;
  return false;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

void find_controllers(DoctorFacts& facts) {
  const std::string mount = cgroup_mount();
  if (mount.empty()) return;
  const bool system = facts.host.uid == 0 && facts.host.initial_user_namespace;
  // What the user's manager can hand to a scope is what its own unit was given.
  const std::string path = system ? "/" : cat("/user.slice/user-", facts.host.uid, ".slice/user@", facts.host.uid, ".service");
  std::string text = read_kernel_file(cat(mount, path, "/cgroup.controllers"));
  if (text.empty() && ::access(cat(mount, path).c_str(), F_OK) != 0) return;
  if (text.ends_with('\n')) text.pop_back();
  facts.controllers_path = path;
  for (const std::string_view name : split(text, ' '))
    if (!name.empty()) facts.controllers.emplace_back(name);
}

}  // namespace

DoctorFacts gather_doctor_facts() {
  DoctorFacts facts;
  HostQuestions questions;
  questions.subids = true;
  questions.network = true;
  facts.host = probe_host(questions);
  facts.trials = run_trials();
  if (facts.trials.user_namespace != 0) {
    const Obstacle why = why_no_user_namespace(facts.trials.user_namespace);
    facts.user_namespace_cause = why.cause;
    facts.user_namespace_remedy = why.remedy;
  }
  if (facts.trials.proc > 0) {
    const Obstacle why = why_no_proc(facts.trials.proc);
    facts.proc_cause = why.cause;
    facts.proc_remedy = why.remedy;
  }
  facts.has_openat2 = has_call(SYS_openat2, -1, "", nullptr, std::size_t{0});
  facts.has_clone3 = has_call(SYS_clone3, nullptr, std::size_t{0});
  facts.has_pidfd = has_call(SYS_pidfd_open, -1, 0U);
  facts.has_close_range = has_call(SYS_close_range, 1U, 0U, 0U);
  const auto own = cgroup_of(0);
  // The root cgroup has none.
  facts.has_cgroup_kill = own && *own != "/" ? ::access(cat(cgroup_mount(), *own, "/cgroup.kill").c_str(), F_OK) == 0
                                             : kernel_version() >= std::pair{5, 14};
  facts.has_newuidmap = is_installed("newuidmap");
  facts.has_newgidmap = is_installed("newgidmap");
  facts.lingering = !facts.host.user_name.empty() &&
                    ::access(cat("/var/lib/systemd/linger/", facts.host.user_name).c_str(), F_OK) == 0;
  const UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  facts.tun_errno = tun ? 0 : errno;
  find_controllers(facts);
  facts.home = environment("HOME");
  facts.runtime_dir = environment("XDG_RUNTIME_DIR");
  facts.apparmor_restricts = read_kernel_file("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").starts_with('1');
  return facts;
}

}  // namespace sbx
