// The child from clone to the payload's start, in the order of the launch. The rules are at the head of child.h.
#include "launch/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fault.h"
#include "kernel/clone.h"
#include "kernel/idmap.h"
#include "kernel/path.h"
#include "kernel/session.h"

namespace sbx {
namespace {

constexpr std::size_t payload_stack_size = 128UL * 1024;
alignas(64) char payload_stack[payload_stack_size];  // touched where the payload's set-up reaches; no page before

std::uint64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);  // in the vdso: no system call
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

[[noreturn, gnu::no_sanitize_address]] void give_up(const Progress& progress) {
  send_raw(progress.channel(), &progress.failure(), sizeof(Message));
  ::_exit(failed_status);
}

// The death of the parent becomes the child's. Again after every change of ids: the kernel clears it then (prctl(2)).
int die_with_parent(int channel) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -errno;
  // A parent that died before that left its end of the channel closed: exit closes files before it signals children.
  pollfd entry{channel, POLLIN, 0};
  if (::poll(&entry, 1, 0) < 0) return -errno;
  return (entry.revents & POLLHUP) != 0 ? -EPIPE : 0;
}

int wait_for(int channel, MessageKind kind) {
  Message message;
  if (const int error = receive_raw(channel, &message); error != 0) return error;
  return message.kind == kind ? 0 : -EBADMSG;
}

bool take_ids(const ChildProgram& program, Progress& progress) {
  const IdPlan& ids = program.plan->ids;
  if (program.waits_for_maps &&
      !progress.run(Step::wait_gate, [&] { return wait_for(program.channel, MessageKind::maps_written); }))
    return false;
  if (program.maps_itself && !progress.run(Step::write_id_maps, [&] {
        return write_id_maps("/proc/self", true, program.uid_map.c_str(), program.gid_map.c_str());
      }))
    return false;
  // Before the mounts, since what is made there belongs to the payload; an id without a mapping could make nothing.
  return progress.run(Step::set_ids, [&] {
    const bool may_drop_groups = !(program.new_user_namespace && ids.deny_setgroups);
    if (::syscall(SYS_getuid) != static_cast<long>(ids.uid) || ::syscall(SYS_getgid) != static_cast<long>(ids.gid) ||
        may_drop_groups)
      if (const int error = set_ids(ids.uid, ids.gid, may_drop_groups); error != 0) return error;
    // Nobody traces what is still to be confined, nor reads its memory, which holds the caller's secrets. Only now:
    // the maps of a process that isn't dumpable belong to root (proc(5)).
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -errno;
    return die_with_parent(program.channel);
  });
}

bool leave_session(const ChildProgram& program, Progress& progress) {
  const LaunchPlan& plan = *program.plan;
  // Out of the caller's process group: its terminal's signals reach the parent alone, which forwards them once. A session
  // of its own only where a terminal of the sandbox's is to control it; else the payload makes one for itself. A session
  // costs milliseconds on a busy machine, where a new scheduling group comes with it (sched(7), autogroup).
  if (!progress.run(Step::new_session, [&] {
        return (program.own_terminal ? ::setsid() : ::setpgid(0, 0)) < 0 ? -errno : 0;
      }))
    return false;
  if (!progress.run(Step::join_keyring, join_new_keyring)) return false;
  if (!plan.hostname.empty() && !progress.run(Step::set_hostname, [&] {
        return ::sethostname(plan.hostname.c_str(), plan.hostname.size()) == 0 ? 0 : -errno;
      }))
    return false;
  return !plan.loopback || progress.run(Step::bring_up_loopback, bring_up_loopback);
}

bool enter_cgroup_namespace(const ChildProgram& program, Progress& progress) {
  // The payload never runs before its limits hold.
  if (program.waits_at_gate &&
      !progress.run(Step::wait_gate, [&] { return wait_for(program.channel, MessageKind::open_gate); }))
    return false;
  // Only now: the namespace's root is the cgroup that the process is in at this moment (cgroup_namespaces(7)).
  return !program.plan->unshare_cgroup ||
         progress.run(Step::unshare_cgroup, [] { return ::unshare(CLONE_NEWCGROUP) == 0 ? 0 : -errno; });
}

// A pty of the sandbox's own devpts: the parent gets its master side, init becomes the session that it controls, so
// that the payload's process group has a parent in its session and can be stopped and resumed (setpgid(2)).
int open_own_terminal(int channel, int* terminal) {
  const int master = ::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) return -errno;
  const int unlocked = 0;
  int error = ::ioctl(master, TIOCSPTLCK, &unlocked) == 0 ? 0 : -errno;
  if (error == 0) {
    *terminal = ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*terminal < 0) error = -errno;
  }
  if (error == 0 && ::ioctl(*terminal, TIOCSCTTY, 0) != 0) error = -errno;
  if (error == 0) {
    Message message{};
    message.kind = MessageKind::terminal;
    error = send_descriptor(channel, message, master);
    // The payload finds a terminal that is set up: a size that came later would reach it as a change (SIGWINCH).
    if (error == 0) error = wait_for(channel, MessageKind::attached);
  }
  ::close(master);
  return error;
}

bool enter_workdir(const ChildProgram& program, Progress& progress) {
  const LaunchPlan& plan = *program.plan;
  return progress.run(Step::set_workdir, [&] {
    // The root is "/" by now; openat2 keeps magic links out of the way there.
    const int here = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0) return -errno;
    const int directory = plan.workdir.empty() ? -ENOENT : open_in(here, plan.workdir.c_str(), Links::in_root, true);
    ::close(here);
    if (directory < 0) {
      if (plan.workdir_required) return directory;
      return ::chdir("/") == 0 ? 0 : -errno;
    }
    const int error = ::fchdir(directory) == 0 ? 0 : -errno;
    ::close(directory);
    return error;
  });
}

}  // namespace

int Progress::enter(Step step) {
  const std::uint64_t now = now_ns();
  if (since_ns_ != 0)
    times_.us[static_cast<std::size_t>(step_)] += static_cast<std::uint32_t>((now - since_ns_) / 1000);
  since_ns_ = now;
  step_ = step;
  index_ = -1, detail_ = 0;
  return -fault_at(step);
}

bool Progress::check(int result) {
  if (result >= 0) return true;
  failure_ = Message{MessageKind::failed, step_, -result, index_, detail_};
  return false;
}

[[gnu::no_sanitize_address]] void run_child(const ChildProgram& program) {
  Progress progress(program.channel);
  ::close(program.parent_channel);
  ::umask(0);
  const bool orphaned = !progress.run(Step::clone_init, [&] { return die_with_parent(program.channel); });
  if (orphaned || !take_ids(program, progress) || !leave_session(program, progress) ||
      !build_root(program, progress) || !enter_cgroup_namespace(program, progress))
    give_up(progress);
  int terminal = -1;
  if (program.own_terminal &&
      !progress.run(Step::open_terminal, [&] { return open_own_terminal(program.channel, &terminal); }))
    give_up(progress);
  if (!enter_workdir(program, progress)) give_up(progress);

  // Where the payload needs nothing that init must not have, both are confined at once. A hard limit is raised by a
  // capability of the initial user namespace alone (setrlimit(2)): in another one there is none to wait for.
  const bool together = program.plan->kept_capabilities == 0 &&
                        (program.new_user_namespace || program.plan->rlimits.empty());
  if (together && !confine(program, progress, 0)) give_up(progress);
  // Before the payload can look: /proc/PID/cmdline shows the stack's argv to everybody, dumpable or not.
  if (program.secrets_begin != nullptr)
    std::memset(program.secrets_begin, 0, static_cast<std::size_t>(program.secrets_end - program.secrets_begin));
  PayloadStart start{program, progress, terminal, together};
  int payload = -1;
  if (!progress.run(Step::start_payload, [&] {
        // Nothing but init can end what the payload leaves behind where no pid namespace does: it takes all orphans, and
        // outlives the parent, whose end it sees on the channel, by the moment that takes.
        if (!program.new_pid_namespace &&
            (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0))
          return -errno;
        payload = vfork_process(run_payload, &start, payload_stack + payload_stack_size);
        return payload < 0 ? payload : 0;
      }))
    give_up(progress);
  if (progress.failure().kind == MessageKind::failed) {
    if (progress.failure().step == Step::exec) explain_exec(program, progress);
    give_up(progress);
  }
  run_init(program, progress, payload, terminal, together);
}

}  // namespace sbx
