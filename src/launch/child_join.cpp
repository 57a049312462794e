// The child of `sbx exec` up to the inside of a running sandbox. The rules are at the head of child.h.
//
// It stays outside of the sandbox's pid namespace (setns(2) moves its children alone), where no payload can name it, and
// serves as the command's init. What the payload shares with it, ids among it, makes it a target otherwise: so it can't be
// traced and has let go of every descriptor of the host's before it joins anything.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "kernel/descriptors.h"
#include "kernel/namespace.h"
#include "kernel/session.h"
#include "launch/child.h"

namespace sbx {
namespace {

int leave_host_descriptors(const ChildProgram& program) {
  int kept[4 + namespace_kinds.size()] = {0, 1, 2, program.channel};
  std::ranges::copy(program.namespaces, kept + 4);  // -1: not of the sandbox's own
  std::ranges::sort(kept);
  const auto unused = static_cast<std::size_t>(std::ranges::count(kept, -1));
  return close_all_but(kept + unused, std::size(kept) - unused, program.highest_descriptor);
}

int join_namespaces(const ChildProgram& program, Progress& progress) {
  for (std::size_t i = 0; i < namespace_kinds.size(); ++i) {
    const int fd = program.namespaces[i];
    if (fd < 0) continue;
    progress.at(static_cast<int>(i));
    if (::setns(fd, namespace_kinds[i].flag) != 0) return -errno;
    ::close(fd);
    // A new user namespace is a change of credentials, which may give back both (fs.suid_dumpable; prctl(2)).
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -errno;
  }
  progress.at(-1);
  return die_with_parent(program.channel);
}

}  // namespace

[[gnu::no_sanitize_address]] void run_joiner(const ChildProgram& program) {
  Progress progress(program.channel);
  ::close(program.parent_channel);
  const bool inside =
      progress.run(Step::clone_init, [&] { return die_with_parent(program.channel); }) &&
      // While it is a process of the caller's like any other: the cgroup comes first, and the parent reads it back.
      progress.run(Step::wait_gate, [&] { return wait_for(program.channel, MessageKind::open_gate); }) &&
      progress.run(Step::new_session,
                   [&] {
                     if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -errno;
                     return (program.own_terminal ? ::setsid() : ::setpgid(0, 0)) < 0 ? -errno : 0;
                   }) &&
      progress.run(Step::close_fds, [&] { return leave_host_descriptors(program); }) &&
      progress.run(Step::join_namespaces, [&] { return join_namespaces(program, progress); }) &&
      progress.run(Step::set_ids, [&] { return take_plan_ids(program); }) &&
      progress.run(Step::join_keyring, join_new_keyring);
  if (!inside) give_up(progress);
  // The root and the working directory are the mount namespace's by now; without one of its own they are the caller's.
  run_inside(program, progress);
}

}  // namespace sbx
