// Makes or joins namespaces: with a user namespace comes every capability inside it.
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>

#include "attack.h"

static int sleeper(void *unused) {
  (void)unused;
  _exit(0);
}
static void by_unshare(const char *name) { outcome(name, unshare(CLONE_NEWUSER)); }
static void by_unshare_upper(const char *name) { outcome(name, syscall(SYS_unshare, 0xdead000000000000ULL | CLONE_NEWUSER)); }
static void by_unshare_all(const char *name) { outcome(name, unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID)); }
static void by_clone(const char *name) {
  static char stack[65536];
  const int pid = clone(sleeper, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL);
  if (outcome(name, pid)) waitpid(pid, NULL, 0);
}
static void by_clone3(const char *name) {
  struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  if (outcome(name, pid)) waitpid((pid_t)pid, NULL, 0);
}
static void mount_namespace(const char *name) { outcome(name, unshare(CLONE_NEWNS)); }
static void mounting(const char *name) { outcome(name, mount("none", "/tmp", "tmpfs", 0, NULL)); }
static void unmounting(const char *name) { outcome(name, umount2("/proc", MNT_DETACH)); }
static void remounting(const char *name) { outcome(name, mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL)); }
static void chrooting(const char *name) { outcome(name, chroot("/tmp")); }
static void pivoting(const char *name) { outcome(name, syscall(SYS_pivot_root, "/tmp", "/tmp")); }
static void new_mount(const char *name) { outcome(name, syscall(SYS_fsopen, "tmpfs", 0)); }
static void tree(const char *name) { outcome(name, syscall(SYS_open_tree, AT_FDCWD, "/usr", 1 /* OPEN_TREE_CLONE */)); }
static void host_name(const char *name) { outcome(name, sethostname("attacked", 8)); }
static void join(const char *name) {
  const int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
  if (fd < 0) { refused(name); return; }
  outcome(name, setns(fd, 0));
}

int main(void) {
  in_child("unshare", by_unshare);
  in_child("unshare-upper-bits", by_unshare_upper);
  in_child("unshare-all", by_unshare_all);
  in_child("clone", by_clone);
  in_child("clone3", by_clone3);
  in_child("mount-namespace", mount_namespace);
  in_child("mount", mounting);
  in_child("remount", remounting);
  in_child("chroot", chrooting);
  in_child("fsopen", new_mount);
  in_child("open-tree", tree);
  in_child("hostname", host_name);
  in_child("setns", join);
  // These change what the others see.
  in_child("umount", unmounting);
  in_child("pivot", pivoting);
  return 0;
}
