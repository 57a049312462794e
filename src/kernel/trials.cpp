#include "kernel/trials.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "base/unique_fd.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace sbx {
namespace {

constexpr int patience_ms = 5000;

int result_of(long value) { return value < 0 ? errno : 0; }

bool write_file(const char* path, const char* text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text, std::strlen(text)) == static_cast<ssize_t>(std::strlen(text));
}

// In a user namespace of one's own; without maps no file could be made in it. AppArmor's restriction lets the namespace
// be made and takes its capabilities away, so that this is the first thing to fail.
int map_self(uid_t uid, gid_t gid) {
  char line[64];
  if (!write_file("/proc/self/setgroups", "deny")) return errno;
  std::snprintf(line, sizeof line, "0 %u 1\n", uid);
  if (!write_file("/proc/self/uid_map", line)) return errno;
  std::snprintf(line, sizeof line, "0 %u 1\n", gid);
  return write_file("/proc/self/gid_map", line) ? 0 : errno;
}

int try_overlay() {
  for (const char* path : {"/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/merged"})
    if (::mkdir(path, 0755) != 0) return errno;
  return result_of(::mount("overlay", "/tmp/merged", "overlay", MS_NOSUID | MS_NODEV,
                           "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work"));
}

int try_filter() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{1, &allow};
  return result_of(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &program));
}

// Everything happens in namespaces of its own, over a tmpfs of its own; the host sees nothing of it.
void try_all(HostTrials& trials) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  trials.user_namespace = result_of(::unshare(CLONE_NEWUSER));
  if (trials.user_namespace == 0) trials.user_namespace = map_self(uid, gid);
  if (trials.user_namespace == 0) {
    trials.mount = result_of(::unshare(CLONE_NEWNS));
    trials.net = result_of(::unshare(CLONE_NEWNET));
    trials.ipc = result_of(::unshare(CLONE_NEWIPC));
    trials.uts = result_of(::unshare(CLONE_NEWUTS));
    trials.cgroup = result_of(::unshare(CLONE_NEWCGROUP));
    trials.pid = result_of(::unshare(CLONE_NEWPID));
    if (trials.mount == 0) {
      trials.tmpfs = result_of(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
      if (trials.tmpfs == 0) trials.tmpfs = result_of(::mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, nullptr));
    }
    if (trials.tmpfs == 0) trials.overlay = try_overlay();
    if (trials.tmpfs == 0 && trials.pid == 0) {
      // The first child is pid 1 of the new namespace; it alone can mount its /proc.
      const pid_t first = ::fork();
      if (first == 0) {
        if (::mkdir("/tmp/proc", 0755) != 0) ::_exit(errno);
        ::_exit(result_of(::mount("proc", "/tmp/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr)));
      }
      int status = 0;
      if (first > 0 && ::waitpid(first, &status, 0) == first && WIFEXITED(status)) trials.proc = WEXITSTATUS(status);
    }
    trials.time = result_of(::unshare(CLONE_NEWTIME));
  }
  trials.seccomp = try_filter();
}

}  // namespace

HostTrials run_trials() {
  void* const memory = ::mmap(nullptr, sizeof(HostTrials), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return {};
  auto* const shared = new (memory) HostTrials;
  int ends[2] = {-1, -1};
  HostTrials trials;
  if (::pipe2(ends, O_CLOEXEC) == 0) {
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      try_all(*shared);
      ::_exit(0);
    }
    writer.reset();
    if (child > 0) {
      // The pipe closes when the child and its own child have ended.
      pollfd watched{reader.get(), POLLIN, 0};
      int ready = 0;
      do ready = ::poll(&watched, 1, patience_ms);
      while (ready < 0 && errno == EINTR);
      if (ready <= 0) ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
      trials = *shared;
      trials.timed_out = ready <= 0;
    }
  }
  ::munmap(memory, sizeof(HostTrials));
  return trials;
}

}  // namespace sbx
