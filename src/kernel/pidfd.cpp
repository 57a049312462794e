#include "kernel/pidfd.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace sbx {

int pidfd_signal(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0 ? 0 : -errno;
}

int wait_child(int pidfd, pid_t pid, siginfo_t* info, rusage* usage) {
  // The raw call: libc's waitid has no rusage.
  const auto wait = [&](int type, int id) {
    long result = -1;
    do result = ::syscall(SYS_waitid, type, id, info, WEXITED, usage);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : -errno;
  };
  const int result = wait(P_PIDFD, pidfd);
  return result == -EINVAL ? wait(P_PID, pid) : result;
}

}  // namespace sbx
