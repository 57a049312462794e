// Runs a command under a seccomp filter that answers some system calls with an errno: a host whose kernel is older, or
// a container that forbids user namespaces.
//
//   deny_calls ERRNO NAME[,NAME...] COMMAND [ARGUMENT...]
//
// ERRNO is ENOSYS or EPERM. Besides calls, NAME may be `userns`: clone and unshare fail where CLONE_NEWUSER is among
// the flags, and clone3 with ENOSYS, since its flags can't be seen by a filter (as container runtimes do).
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "no such architecture yet"
#endif

static const struct { const char *name; unsigned number; } calls[] = {
    // From 424 on the numbers are the same for every architecture.
    {"pidfd_send_signal", 424}, {"open_tree", 428}, {"move_mount", 429}, {"fsopen", 430}, {"fsconfig", 431},
    {"fsmount", 432}, {"fspick", 433}, {"pidfd_open", 434}, {"clone3", 435}, {"close_range", 436}, {"openat2", 437},
    {"pidfd_getfd", 438}, {"faccessat2", 439}, {"epoll_pwait2", 441}, {"mount_setattr", 442},
    {"landlock_create_ruleset", 444}, {"landlock_add_rule", 445}, {"landlock_restrict_self", 446},
    {"mount", SYS_mount}, {"keyctl", SYS_keyctl}, {"socket", SYS_socket}};

static struct sock_filter filter[128];
static unsigned short length;

static void add(unsigned code, unsigned k, unsigned char yes, unsigned char no) {
  filter[length++] = (struct sock_filter){(unsigned short)code, yes, no, k};
}
static void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0); }
static void deny(unsigned number, unsigned error) {
  add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
  add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0, 0);
}
static void deny_new_user(unsigned number, unsigned error) {
  add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
  load(offsetof(struct seccomp_data, args[0]));
  add(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1);
  add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0, 0);
  load(offsetof(struct seccomp_data, nr));
}

static int add_name(const char *name, unsigned error) {
  if (!strcmp(name, "userns")) {
    deny_new_user(SYS_clone, error);
    deny_new_user(SYS_unshare, error);
    deny(435, ENOSYS);
    return 1;
  }
  for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); ++i)
    if (!strcmp(calls[i].name, name)) return deny(calls[i].number, error), 1;
  return 0;
}

int main(int count, char **arguments) {
  if (count < 4) return fputs("usage: deny_calls ERRNO NAME[,NAME...] COMMAND [ARGUMENT...]\n", stderr), 2;
  const unsigned error = !strcmp(arguments[1], "ENOSYS") ? ENOSYS : EPERM;
  load(offsetof(struct seccomp_data, arch));
  add(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
  load(offsetof(struct seccomp_data, nr));
  for (char *name = strtok(arguments[2], ","); name; name = strtok(NULL, ","))
    if (!add_name(name, error)) return fprintf(stderr, "deny_calls: no call is named '%s' here\n", name), 2;
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
  const struct sock_fprog program = {length, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    return perror("deny_calls"), 2;
  execvp(arguments[3], arguments + 3);
  perror(arguments[3]);
  return 127;
}
