// The first command of a sandbox, which lies in wait for processes that come in from outside: it tries to trace, read and
// hijack each while it still is NAME, half-way between the host and the sandbox. Its ids are the same.
//   attack_joiner NAME SECONDS MIDDLE-OF-A-SECRET REST [alone]   until SECONDS are over, or a line comes on standard input
// "reached caught" counts the ones it met in time. `alone`: they aren't stopped for it.
#include <dirent.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>

#include "attack.h"

static char name_of_victim[64], secret[256];
static unsigned reached_count[32], caught;
static bool alone;
enum { attach, seize, mem, vm_read, environment, maps, exe, cwd, root, fd, get_fd, namespace, secret_in_cmdline, raised, stopped, ways };
static const char *const names[ways] = {"attach", "seize", "mem", "vm-read", "environ", "maps", "exe", "cwd", "root",
                                        "fd", "get-fd", "namespace", "cmdline", "raise-limits", "stop"};

static bool is_victim(pid_t pid) {
  char path[64], comm[32] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t got = read(file, comm, sizeof comm - 1);
  close(file);
  if (got <= 0) return false;
  comm[strcspn(comm, "\n")] = '\0';
  return strcmp(comm, name_of_victim) == 0;
}

static bool opens(pid_t pid, const char *file, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
  const int opened = open(path, flags | O_CLOEXEC | O_NONBLOCK);
  if (opened < 0) return false;
  char byte[16];
  // environ and maps check again when they are read.
  const bool read_too = strcmp(file, "environ") != 0 && strcmp(file, "maps") != 0 ? true : read(opened, byte, sizeof byte) > 0;
  close(opened);
  return read_too;
}

static bool links(pid_t pid, const char *file) {
  char path[64], target[256];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
  return readlink(path, target, sizeof target) > 0;
}

static bool reads_memory(pid_t pid) {
  char byte[8];
  // Where programs lie that aren't position independent, and where this one's own stack is.
  const unsigned long places[] = {0x400000, (unsigned long)byte, (unsigned long)&caught};
  for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
    struct iovec here = {byte, sizeof byte}, there = {(void *)places[i], sizeof byte};
    // EFAULT: it was let in, and nothing lies there.
    if (syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT) return true;
  }
  return false;
}

static bool gets_descriptor(pid_t pid) {
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return false;
  const int got = (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
  if (got >= 0) close(got);
  close(pidfd);
  return got >= 0;
}

static bool raises_limits(pid_t pid) {
  uint64_t limit[2];
  if (syscall(SYS_prlimit64, pid, RLIMIT_CORE, NULL, limit) != 0 || limit[1] == UINT64_MAX) return false;
  const uint64_t more[2] = {limit[1] + 1, limit[1] + 1};
  return syscall(SYS_prlimit64, pid, RLIMIT_CORE, more, NULL) == 0;
}

static bool traces(pid_t pid, int request) {
  if (ptrace(request, pid, NULL, NULL) != 0) return false;
  // Let go of again, stopped as a tracee must be for that.
  if (request == PTRACE_SEIZE) ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
  waitpid(pid, NULL, __WALL);
  ptrace(PTRACE_DETACH, pid, NULL, NULL);
  return true;
}

static void attack(pid_t pid) {
  bool got[ways] = {false};
  got[stopped] = !alone && kill(pid, SIGSTOP) == 0;
  got[mem] = opens(pid, "mem", O_RDWR);
  got[environment] = opens(pid, "environ", O_RDONLY);
  got[maps] = opens(pid, "maps", O_RDONLY);
  got[exe] = opens(pid, "exe", O_RDONLY) || links(pid, "exe");
  got[cwd] = links(pid, "cwd");
  got[root] = links(pid, "root");
  got[fd] = links(pid, "fd/0") || links(pid, "fd/1");
  got[namespace] = links(pid, "ns/mnt");
  got[vm_read] = reads_memory(pid);
  got[get_fd] = gets_descriptor(pid);
  got[raised] = raises_limits(pid);
  got[attach] = traces(pid, PTRACE_ATTACH);
  got[seize] = traces(pid, PTRACE_SEIZE);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
  got[secret_in_cmdline] = file_holds(path, secret, 1 << 16);
  // What it was let do counts only where the victim is half-way in still.
  if (is_victim(pid)) {
    ++caught;
    for (int i = 0; i < ways; ++i) reached_count[i] += got[i];
  }
  if (!alone) kill(pid, SIGCONT);
}

int main(int argc, char **argv) {
  if (argc < 5) broken("usage");
  snprintf(name_of_victim, sizeof name_of_victim, "%s", argv[1]);
  snprintf(secret, sizeof secret, "%s%s", argv[3], argv[4]);
  const time_t end = time(NULL) + strtol(argv[2], NULL, 10);
  signal(SIGTTIN, SIG_IGN);
  alone = argc > 5;
  const pid_t self = getpid();
  printf("ready\n");
  fflush(stdout);
  struct pollfd input = {0, POLLIN, 0};
  pid_t last = 0;
  while (time(NULL) < end && poll(&input, 1, 0) == 0) {
    DIR *processes = opendir("/proc");
    if (!processes) broken("/proc");
    for (struct dirent *entry; (entry = readdir(processes));) {
      const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
      if (pid <= 1 || pid == self || pid == last || !is_victim(pid)) continue;
      attack(pid);
      last = pid;
    }
    closedir(processes);
  }
  for (int i = 0; i < ways; ++i) {
    if (reached_count[i]) reached(names[i], "%u", reached_count[i]);
    else errno = 0, refused(names[i]);
  }
  if (caught) reached("caught", "%u", caught);
  return 0;
}
