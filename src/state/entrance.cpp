#include "state/entrance.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "kernel/kernel_file.h"

namespace sbx {
namespace {

std::unexpected<Error> ended(const RunningSandbox& sandbox) {
  return fail_errno(Step::find_sandbox, ESRCH, cat("sandbox ", sandbox.entry().name, " has ended"));
}

bool is_own(int fd, const NamespaceKind& kind) {
  struct stat own {}, theirs {};
  return ::stat(kind.path, &own) == 0 && ::fstat(fd, &theirs) == 0 && own.st_dev == theirs.st_dev && own.st_ino == theirs.st_ino;
}

// The launcher keeps init's namespaces open, since /proc/PID/ns of a process that isn't dumpable is for root alone; what
// the launcher has open is for its user (proc(5), ptrace access mode PTRACE_MODE_READ).
Result<UniqueFd> open_namespace(int descriptors, int number, const NamespaceKind& kind, const std::string& name) {
  UniqueFd fd(::openat(descriptors, std::to_string(number).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return fail_errno(Step::find_sandbox, errno, cat("the ", kind.name, " namespace of sandbox ", name), "run sbx as the user, and in the user namespace, that the sandbox was started from");
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != kind.flag)
    return fail(Step::find_sandbox, ErrorKind::host, cat("what sandbox ", name, " gives as its ", kind.name, " namespace is none"));
  return fd;
}

Result<> open_namespaces(const RunningSandbox& sandbox, const SandboxDetails& details, RunningTarget& target) {
  const auto& entry = sandbox.entry();
  const UniqueFd descriptors(::open(cat("/proc/", entry.launcher, "/fd").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!descriptors) return fail_errno(Step::find_sandbox, errno, cat("/proc/", entry.launcher, "/fd"));
  const auto needed = details.process.clone_flags | (details.process.unshare_cgroup ? CLONE_NEWCGROUP : 0U);
  for (std::size_t i = 0; i < namespace_kinds.size(); ++i) {
    const NamespaceKind& kind = namespace_kinds[i];
    const auto found = std::ranges::find(details.namespaces, std::string_view(kind.name), &std::pair<std::string, int>::first);
    if (found != details.namespaces.end()) {
      SBX_ASSIGN(auto fd, open_namespace(descriptors.get(), found->second, kind, entry.name));
      if (!is_own(fd.get(), kind)) target.namespaces[i] = std::move(fd);
    } else if ((needed & static_cast<std::uint64_t>(kind.flag)) != 0) {
      return fail(Step::find_sandbox, ErrorKind::host, cat("sandbox ", entry.name, " has a ", kind.name, " namespace of its own and gives no way in"),
                  "only a sandbox with /proc can be entered");
    }
  }
  // As long as init lives and is the launcher's child, that pid can't have been another's when its descriptors were opened.
  const auto stat = parse_process_stat(read_kernel_file(cat("/proc/", entry.init, "/stat")));
  if (!stat || stat->parent != entry.launcher || !sandbox.alive()) return ended(sandbox);
  return {};
}

// init has them from the launcher, as the first command had. What is lower here stays lower.
void inherit_limits(pid_t init, LaunchPlan& plan) {
  for (int resource = 0; resource < static_cast<int>(RLIM_NLIMITS); ++resource) {
    if (std::ranges::find(plan.rlimits, resource, &RlimitSpec::resource) != plan.rlimits.end()) continue;
    rlimit64 own{}, theirs{};
    const auto which = static_cast<__rlimit_resource>(resource);
    if (::prlimit64(0, which, nullptr, &own) != 0 || ::prlimit64(init, which, nullptr, &theirs) != 0) continue;
    const rlimit64 wanted{std::min(theirs.rlim_cur, own.rlim_max), std::min(theirs.rlim_max, own.rlim_max)};
    if (wanted.rlim_cur != own.rlim_cur || wanted.rlim_max != own.rlim_max)
      plan.rlimits.push_back({cat("number ", resource), resource, wanted.rlim_cur, wanted.rlim_max, {}});
  }
}

}  // namespace

Result<RunningTarget> open_entrance(const RunningSandbox& sandbox, const SandboxDetails& details, LaunchPlan& plan) {
  RunningTarget target;
  target.name = sandbox.entry().name;
  target.init = sandbox.pidfd();
  target.cgroup = sandbox.entry().cgroup;
  target.file_mode_mask = details.file_mode_mask;
  SBX_TRY(open_namespaces(sandbox, details, target));
  if (!target.cgroup.empty()) {
    SBX_ASSIGN(const auto cgroup, sandbox.cgroup());
    // What joins it stops at once, and nobody could say why.
    if (cgroup.read("cgroup.freeze").value_or("0") == "1")
      return fail(Step::join_cgroup, ErrorKind::host, cat("sandbox ", target.name, " is frozen"), cat("thaw it: sbx thaw ", target.name));
  }
  inherit_limits(sandbox.init(), plan);
  return target;
}

}  // namespace sbx
