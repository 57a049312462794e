// Signals, traces and reads processes outside. "attack_processes PID ADDRESS SECRET": the victim's pid on the host, and
// where in its memory the secret stands. Each way is tried on that pid and on pid 1.
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "attack.h"

static pid_t victim;
static unsigned long address;
static const char *secret;

static void by_signal(const char *name) { outcome(name, kill(victim, SIGUSR1)); }
static void by_queue(const char *name) {
  union sigval value = {.sival_int = 1};
  outcome(name, sigqueue(victim, SIGUSR1, value));
}
static void by_thread(const char *name) { outcome(name, syscall(SYS_tgkill, victim, victim, SIGUSR1)); }
static void by_pidfd(const char *name) {
  const int fd = (int)syscall(SYS_pidfd_open, victim, 0);
  if (fd < 0) { refused(name); return; }
  outcome(name, syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0));
}
static void by_attach(const char *name) {
  if (!outcome(name, ptrace(PTRACE_ATTACH, victim, NULL, NULL))) return;
  waitpid(victim, NULL, __WALL);
  ptrace(PTRACE_DETACH, victim, NULL, NULL);
}
static void by_seize(const char *name) { outcome(name, ptrace(PTRACE_SEIZE, victim, NULL, NULL)); }
static void by_vm_read(const char *name) {
  char content[64] = "";
  struct iovec here = {content, sizeof content - 1}, there = {(void *)address, sizeof content - 1};
  if (process_vm_readv(victim, &here, 1, &there, 1, 0) < 0) { refused(name); return; }
  reached(name, "%s", strstr(content, secret) ? "the secret" : "other memory");
}
static void by_mem(const char *name) {
  char path[64], content[64] = "";
  snprintf(path, sizeof path, "/proc/%d/mem", (int)victim);
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) { refused(name); return; }
  reached(name, "%s", pread(fd, content, sizeof content - 1, (off_t)address) > 0 && strstr(content, secret) ? "the secret" : "open");
}
static void by_get_fd(const char *name) {
  const int fd = (int)syscall(SYS_pidfd_open, victim, 0);
  if (fd < 0) { refused(name); return; }
  outcome(name, syscall(SYS_pidfd_getfd, fd, 0, 0));
}
static void by_limits(const char *name) {
  // prlimit64(2) changes the limits of another process of the same user.
  const uint64_t limit[2] = {0, UINT64_MAX};
  outcome(name, syscall(SYS_prlimit64, victim, 4 /* RLIMIT_CORE */, limit, NULL));
}
static void by_priority(const char *name) { outcome(name, syscall(SYS_setpriority, 0, victim, 19)); }

static void all(const char *suffix) {
  static const struct { const char *name; void (*act)(const char *); } ways[] = {
      {"signal", by_signal}, {"queue", by_queue}, {"thread", by_thread}, {"pidfd", by_pidfd}, {"attach", by_attach},
      {"seize", by_seize}, {"vm-read", by_vm_read}, {"mem", by_mem}, {"get-fd", by_get_fd}, {"limits", by_limits},
      {"priority", by_priority}};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) {
    char *name;
    if (asprintf(&name, "%s%s", ways[i].name, suffix) < 0) broken("memory");
    in_child(name, ways[i].act);
    free(name);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) broken("usage");
  victim = (pid_t)strtol(argv[1], NULL, 10);
  address = strtoul(argv[2], NULL, 0);
  secret = argv[3];
  signal(SIGUSR1, SIG_IGN);  // init forwards to us what we send it
  all("");
  if (argc > 4) victim = 1, all("-init");
  return 0;
}
