// floor FILTER COMMAND...: the system calls that the benchmarks' job can't do without, and nothing else: all namespaces, a new
// root with a read-only /usr, /proc, /dev and a tmpfs /tmp, no capabilities, a seccomp filter (a file of struct sock_filter),
// exec. It checks little, reaps nothing but its child and is no sandbox to trust: it is what a launch costs at the least.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sock_filter filter[8192];
static struct sock_fprog program = {0, filter};

#define MUST(call) do { if ((call) < 0) { fprintf(stderr, "floor: %s: %s\n", #call, strerror(errno)); _exit(125); } } while (0)

static void write_file(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  MUST(fd);
  MUST(write(fd, text, strlen(text)));
  close(fd);
}

static void bind(const char* source, const char* target, int read_only) {
  const int tree = (int)syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  MUST(tree);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID | (read_only ? MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV : 0)};
  MUST(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes));
  MUST(syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
  close(tree);
}

static void build_root(void) {
  static const char* links[][2] = {{"usr/bin", "bin"}, {"usr/lib", "lib"}, {"usr/lib64", "lib64"}, {"usr/sbin", "sbin"}};
  static const char* devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
  MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
  MUST(mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"));
  MUST(chdir("/tmp"));
  MUST(mkdir("usr", 0755));
  bind("/usr", "usr", 1);
  for (unsigned i = 0; i < 4; ++i) MUST(symlink(links[i][0], links[i][1]));
  MUST(mkdir("proc", 0755));
  MUST(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
  MUST(mkdir("dev", 0755));
  for (unsigned i = 0; i < sizeof devices / sizeof devices[0]; ++i) {
    char source[32], target[32];
    snprintf(source, sizeof source, "/dev/%s", devices[i]);
    snprintf(target, sizeof target, "dev/%s", devices[i]);
    const int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    MUST(fd);
    close(fd);
    bind(source, target, 0);
  }
  MUST(mkdir("dev/pts", 0755));
  MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"));
  MUST(symlink("pts/ptmx", "dev/ptmx"));
  MUST(mkdir("dev/shm", 01777));
  MUST(mkdir("tmp", 01777));
  MUST(mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"));
  MUST(syscall(SYS_pivot_root, ".", "."));
  MUST(umount2(".", MNT_DETACH));
  MUST(chdir("/"));
  MUST(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL));
}

static void confine(void) {
  for (unsigned long capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; ++capability) {
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  MUST(syscall(SYS_capset, &header, none));
  MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

int main(int argc, char** argv) {
  if (argc < 3) return 125;
  const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
  MUST(fd);
  const ssize_t size = read(fd, filter, sizeof filter);
  MUST(size);
  close(fd);
  program.len = (unsigned short)((size_t)size / sizeof filter[0]);
  const unsigned uid = getuid(), gid = getgid();
  struct clone_args arguments;
  memset(&arguments, 0, sizeof arguments);
  arguments.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  MUST(pid);
  if (pid > 0) {
    int status = 0;
    MUST(waitpid((pid_t)pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  char map[64];
  write_file("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "65534 %u 1", uid);
  write_file("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "65534 %u 1", gid);
  write_file("/proc/self/gid_map", map);
  MUST(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  MUST(sethostname("sandbox", 7));
  build_root();
  MUST(setsid());
  confine();
  execv(argv[2], argv + 2);
  return 127;
}
