// The child from clone to the payload's start, in the order of the launch. The rules are at the head of child.h.
#include "launch/child.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/fault.h"
#include "kernel/clone.h"
#include "kernel/idmap.h"
#include "kernel/session.h"
#include "launch/child_scope.h"

namespace sbx {
namespace {

std::uint64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);  // in the vdso: no system call
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

bool take_ids(const ChildProgram& program, Progress& progress, ScopeMove& move) {
  if (program.waits_for_maps && !progress.run(Step::wait_gate, [&] { return move.wait_for(MessageKind::maps_written); }))
    return false;
  if (program.maps_itself && !progress.run(Step::write_id_maps, [&] {
        return write_id_maps("/proc/self", true, program.uid_map.c_str(), program.gid_map.c_str());
      }))
    return false;
  // Before the mounts, since what is made there belongs to the payload; an id without a mapping could make nothing.
  return progress.run(Step::set_ids, [&] { return take_plan_ids(program); });
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

bool enter_cgroup_namespace(const ChildProgram& program, Progress& progress, ScopeMove& move) {
  // The payload never runs before its limits hold.
  if (program.waits_at_gate && !progress.run(Step::wait_gate, [&] { return move.wait_for(MessageKind::open_gate); }))
    return false;
  // Only now: the namespace's root is the cgroup that the process is in at this moment (cgroup_namespaces(7)).
  return !program.plan->unshare_cgroup ||
         progress.run(Step::unshare_cgroup, [] { return ::unshare(CLONE_NEWCGROUP) == 0 ? 0 : -errno; });
}

}  // namespace

[[noreturn, gnu::no_sanitize_address]] void give_up(const Progress& progress) {
  send_raw(progress.channel(), &progress.failure(), sizeof(Message));
  ::_exit(failed_status);
}

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

int take_plan_ids(const ChildProgram& program) {
  const IdPlan& ids = program.plan->ids;
  const bool may_drop_groups = !(program.new_user_namespace && ids.deny_setgroups);
  if (::syscall(SYS_getuid) != static_cast<long>(ids.uid) || ::syscall(SYS_getgid) != static_cast<long>(ids.gid) ||
      may_drop_groups)
    if (const int error = set_ids(ids.uid, ids.gid, may_drop_groups); error != 0) return error;
  // Nobody traces what is still to be confined, nor reads its memory, which holds the caller's secrets. Only now:
  // the maps of a process that isn't dumpable belong to root (proc(5)).
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -errno;
  return program.scope != nullptr ? 0 : die_with_parent(program.channel);
}

int Progress::enter(Step step) {
  const std::uint64_t now = now_ns();
  if (since_ns_ != 0) times_.add(step_, since_ns_, now);
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
  ScopeMove move(program);
  ::close(program.parent_channel);
  ::umask(0);
  const bool orphaned = !progress.run(Step::clone_init, [&] { return program.scope != nullptr ? 0 : die_with_parent(program.channel); });
  if (orphaned || !take_ids(program, progress, move) || !leave_session(program, progress) ||
      !build_root(program, progress) || !enter_cgroup_namespace(program, progress, move)) {
    send_raw(progress.channel(), &progress.failure(), sizeof(Message));
    move.see_it_end();
    ::_exit(failed_status);
  }
  run_inside(program, progress);
}

}  // namespace sbx
