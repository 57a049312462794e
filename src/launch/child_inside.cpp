// From inside the finished sandbox to the payload's start: the same for its first command and for those that join it later.
// The rules are at the head of child.h.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernel/clone.h"
#include "kernel/path.h"
#include "launch/child.h"

namespace sbx {
namespace {

constexpr std::size_t payload_stack_size = 128UL * 1024;
alignas(64) char payload_stack[payload_stack_size];  // touched where the payload's set-up reaches; no page before

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
    error = send_descriptors(channel, message, &master, 1);
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

[[gnu::no_sanitize_address]] void run_inside(const ChildProgram& program, Progress& progress) {
  int terminal = -1;
  if (program.own_terminal &&
      !progress.run(Step::open_terminal, [&] { return open_own_terminal(program.channel, &terminal); }))
    give_up(progress);
  if (!enter_workdir(program, progress)) give_up(progress);

  if (!restrict_self(program, progress)) give_up(progress);
  // Where the payload needs no capability either, both lose all at once. A hard limit is raised by a
  // capability of the initial user namespace alone (setrlimit(2)): in another one there is none to wait for.
  const bool powerless = program.plan->kept_capabilities == 0 &&
                        (program.new_user_namespace || program.plan->rlimits.empty());
  if (powerless && !keep_capabilities(progress, 0)) give_up(progress);
  // Before the payload can look: /proc/PID/cmdline shows the stack's argv to everybody, dumpable or not.
  if (program.secrets_begin != nullptr)
    std::memset(program.secrets_begin, 0, static_cast<std::size_t>(program.secrets_end - program.secrets_begin));
  PayloadStart start{program, progress, terminal, powerless};
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
    // Whoever inherited it may be slow to reap it, and until then the pid namespace that it is in can't end.
    if (program.joins) ::waitid(P_PID, static_cast<id_t>(payload), nullptr, WEXITED);
    give_up(progress);
  }
  run_init(program, progress, payload, terminal, powerless);
}

}  // namespace sbx
