#include "cli/detach.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/text.h"
#include "cli/output.h"
#include "kernel/descriptors.h"
#include "systemd/scope.h"

namespace sbx {
namespace {

// Longer than all waits of a launch together.
constexpr int patience_ms = 180'000;
constexpr auto scope_patience = std::chrono::seconds(30);

// How the background's process ended before the start; it has said why on standard error itself.
Result<int> failed_status_of(pid_t background) {
  int status = 0;
  while (::waitpid(background, &status, 0) < 0)
    if (errno != EINTR) return fail_errno(Step::monitor, errno, "wait for the launcher in the background");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The write end is closed by the launcher's end, but for a janitor's copy: a look at the launcher itself each second.
Result<int> await(int told, pid_t background) {
  std::string id;
  for (int waited = 0; waited < patience_ms;) {
    pollfd entry{told, POLLIN, 0};
    const int ready = ::poll(&entry, 1, 1000);
    if (ready == 0) {
      waited += 1000;
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(background), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
        return failed_status_of(background);
      continue;
    }
    char text[64];
    const ssize_t got = ::read(told, text, sizeof text);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failed_status_of(background);
    id.append(text, static_cast<std::size_t>(got));
    if (!id.ends_with('\n')) continue;
    SBX_TRY(print(id));
    return 0;
  }
  ::kill(background, SIGTERM);
  return fail(Step::monitor, ErrorKind::host, "the sandbox was not ready within three minutes", "try without --detach to see what it waits for");
}

}  // namespace

Result<std::optional<int>> Detachment::split(std::span<const int> kept, bool terminal) {
  terminal_ = terminal;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(Step::monitor, errno, "a pipe to the launcher in the background");
  UniqueFd told(ends[0]), tell(ends[1]);
  const pid_t foreground = ::getpid();
  const pid_t background = ::fork();
  if (background < 0) return fail_errno(Step::monitor, errno, "fork", "raise the limit of processes (ulimit -u)");
  if (background > 0) {
    tell.reset();
    SBX_ASSIGN(const int status, await(told.get(), background));
    return status;
  }
  tell_ = std::move(tell);
  told.reset();
  // Until it has started nobody else could end it: the foreground's end, by ^C, is its own.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if (::getppid() != foreground) ::_exit(125);
  SBX_TRY(settle_in(kept));
  return std::nullopt;
}

Result<> Detachment::settle_in(std::span<const int> kept) {
  ::setsid();
  null_.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_ || (!terminal_ && ::dup2(null_.get(), 0) < 0)) return fail_errno(Step::monitor, errno, "/dev/null");
  if (terminal_) SBX_TRY(open_terminal());
  // Whoever waits for the end of a pipe that the caller has open must not wait for the sandbox. What sbx has opened itself
  // is marked close-on-exec from birth.
  for (int fd = highest_descriptor(); fd > 2; --fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0 && std::ranges::find(kept, fd) == kept.end()) ::close(fd);
  }
  return {};
}

// With the modes and the size of the caller's, where it has one. It controls this session, so that its changes of size
// are heard here.
Result<> Detachment::open_terminal() {
  termios modes{};
  winsize size{24, 80, 0, 0};
  const bool has_modes = ::tcgetattr(0, &modes) == 0;
  for (int fd = 0; fd < 3; ++fd)
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) break;
  master_.reset(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  const int unlocked = 0;
  if (!master_ || ::ioctl(master_.get(), TIOCSPTLCK, &unlocked) != 0) return fail_errno(Step::open_terminal, errno, "/dev/ptmx");
  const UniqueFd slave(::ioctl(master_.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave || ::ioctl(slave.get(), TIOCSCTTY, 0) != 0 || ::ioctl(slave.get(), TIOCSWINSZ, &size) != 0 ||
      (has_modes && ::tcsetattr(slave.get(), TCSANOW, &modes) != 0) || ::dup2(slave.get(), 0) < 0 || ::dup2(slave.get(), 1) < 0)
    return fail_errno(Step::open_terminal, errno, "a terminal for the background");
  return {};
}

void Detachment::enter_scope(const std::string& id, const LaunchPlan& plan) const {
  const auto* sandbox = std::get_if<ScopeRequest>(&plan.cgroup);
  if (sandbox == nullptr) return;
  const TransientScope scope{cat("sbx-launcher-", id, ".scope"), sandbox->slice, cat("Launcher of ", sandbox->name),
                             {{"CollectMode", std::string("inactive-or-failed")}}, {{::getpid(), -1}}};
  const auto deadline = std::chrono::steady_clock::now() + scope_patience;
  // A manager that gives none gives the sandbox none either, which is told there.
  if (auto job = start_scope(scope, sandbox->system_manager, deadline, [] { return Result<>(); })) static_cast<void>(job->wait(deadline));
}

Companion Detachment::companion(const std::string& id) {
  Companion companion;
  if (background()) companion.started = [this, id](const StartedSandbox&) { started(id); };
  return companion;
}

void Detachment::started(const std::string& id) {
  ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
  // Nothing of the caller's is held any more when it learns of the start. What is said at the end is for who is attached,
  // or nobody.
  if (terminal_) ::dup2(0, 2);
  else for (const int fd : {1, 2}) ::dup2(null_.get(), fd);
  static_cast<void>(!::chdir("/"));
  const auto line = cat(id, "\n");
  const bool told = ::write(tell_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
  tell_.reset();
  // Without a foreground to print it the sandbox is known to sbx ps all the same.
  static_cast<void>(told);
}

}  // namespace sbx
