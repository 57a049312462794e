#include "cli/forking.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "kernel/cgroup.h"

namespace sbx {
namespace {

// No deadline: the manager has its own, TimeoutStartSec=.
[[noreturn]] void await(int announcement, pid_t child) {
  char word = 0;
  ssize_t got = -1;
  do got = ::read(announcement, &word, 1);
  while (got < 0 && errno == EINTR);
  if (got == 1) ::_exit(0);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace

Result<Forking> Forking::start(const LaunchPlan& plan) {
  // Alone: of two processes neither could step aside for a sub-cgroup without the other.
  if (const auto* sub = std::get_if<SubCgroup>(&plan.cgroup)) SBX_TRY(step_aside(sub->parent));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(Step::clone_init, errno, "pipe", "raise the limit of open files (ulimit -n)");
  UniqueFd here(ends[0]), there(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(Step::clone_init, errno, "fork", "raise the limit of processes (ulimit -u)");
  if (child > 0) {
    there.reset();
    await(here.get(), child);
  }
  here.reset();
  ::setsid();
  return Forking(std::move(there));
}

void Forking::announce() {
  const char word = 1;
  if (announcement_) static_cast<void>(!::write(announcement_.get(), &word, 1));
  announcement_.reset();
  // As daemon(7) has it: nobody waits for the end of these any longer. Standard error stays where it is no pipe: the end
  // of the daemon is told there, to the journal.
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  struct stat facts {};
  if (!nothing) return;
  ::dup2(nothing.get(), 0);
  ::dup2(nothing.get(), 1);
  if (::fstat(2, &facts) == 0 && S_ISFIFO(facts.st_mode)) ::dup2(nothing.get(), 2);
}

}  // namespace sbx
