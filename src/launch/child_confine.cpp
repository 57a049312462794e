// What takes rights away from the calling process for good. The rules are at the head of child.h.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "kernel/caps.h"
#include "kernel/landlock.h"
#include "kernel/path.h"
#include "launch/child.h"

namespace sbx {

namespace {

int allow_path(int root, int ruleset, int abi, const LandlockRule& rule) {
  // The paths are canonical: a symbolic link is a payload's, which would have another directory writable (a command that
  // joins comes when the payload has been at work).
  const int path = open_in(root, rule.path.c_str(), Links::refuse);
  // What isn't there needs no right; what comes later gets none.
  if (path == -ENOENT || path == -ENOTDIR || path == -EACCES || path == -ELOOP) return 0;
  if (path < 0) return path;
  struct stat facts;
  int error = ::fstat(path, &facts) == 0 ? 0 : -errno;
  if (error == 0)
    error = landlock_allow(ruleset, path, landlock_access(abi, rule.write, rule.execute, rule.devices, S_ISDIR(facts.st_mode)));
  ::close(path);
  return error;
}

bool enforce_landlock(const ChildProgram& program, Progress& progress) {
  const LandlockPlan& plan = program.plan->landlock;
  if (plan.abi == 0) return true;
  // A command that joins can't join the domain of the first one. It may signal it, and connect to its abstract sockets,
  // all the same: where a namespace holds nothing else that it could signal or connect to, it isn't scoped.
  const bool signals = plan.scope && !(program.joins && (program.plan->clone_flags & CLONE_NEWPID) != 0);
  const bool sockets = plan.scope && !(program.joins && (program.plan->clone_flags & CLONE_NEWNET) != 0);
  return progress.run(Step::landlock, [&] {
    const LandlockRights handled = landlock_handled(plan.abi, plan.filesystem, plan.deny_tcp, sockets, signals);
    if (handled.filesystem == 0 && handled.network == 0 && handled.scope == 0) return 0;
    const int ruleset = landlock_create(handled);
    if (ruleset < 0) return ruleset;
    int index = 0;
    const int root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = root < 0 ? -errno : 0;
    if (plan.filesystem && error == 0)
      for (const LandlockRule& rule : plan.rules) {
        progress.at(index++);
        if (error = allow_path(root, ruleset, plan.abi, rule); error != 0) break;
      }
    if (root >= 0) ::close(root);
    if (error == 0) progress.at(-1), error = landlock_restrict(ruleset);
    ::close(ruleset);
    return error;
  });
}

}  // namespace

bool restrict_self(const ChildProgram& program, Progress& progress) {
  return progress.run(Step::no_new_privs,
                      [] { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno; }) &&
         enforce_landlock(program, progress);
}

bool keep_capabilities(Progress& progress, std::uint64_t kept) {
  return progress.run(Step::drop_capabilities, [&] {
    int capability = -1;
    const int error = limit_capabilities(kept, &capability);
    progress.at(capability);
    return error;
  });
}

}  // namespace sbx
