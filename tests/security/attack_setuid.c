// Becomes root by a set-user-id program: this file itself, owned by root and mode 4755 where the test put it.
//   attack_setuid PROGRAM         executes PROGRAM, a set-user-id copy, as "PROGRAM --show"
//   attack_setuid --make DIR      leaves set-user-id files of its own there, for somebody on the host to execute
#include <linux/openat2.h>
#include <sys/stat.h>

#include "attack.h"

static const char *directory;
static char path[4096];

// Whether the file at `path` has the bit now, whatever the call said.
static void judge(const char *name, long result) {
  struct stat facts;
  if (result >= 0 && stat(path, &facts) != 0) broken("stat");
  if (result >= 0 && (facts.st_mode & S_ISUID)) reached(name, "%o", facts.st_mode & 07777);
  else refused(name);
  unlink(path);
}
static const char *fresh(const char *name, bool make) {
  snprintf(path, sizeof path, "%s/%s", directory, name);
  errno = 0;
  if (make) close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
  return path;
}
static int make_files(void) {
  umask(0);
  judge("chmod", chmod(fresh("chmod", true), 04755));
  const int fd = open(fresh("fchmod", true), O_RDONLY | O_CLOEXEC);
  judge("fchmod", fchmod(fd, 04755));
  judge("fchmodat", fchmodat(AT_FDCWD, fresh("fchmodat", true), 04755, 0));
  judge("fchmod-upper-bits", syscall(SYS_fchmodat, AT_FDCWD, fresh("upper", true), 0xdead000000000000ULL | 04755));
  judge("fchmodat2", syscall(452 /* fchmodat2 */, AT_FDCWD, fresh("fchmodat2", true), 04755, 0));
  judge("openat", open(fresh("openat", false), O_CREAT | O_WRONLY | O_CLOEXEC, 04755));
#ifdef SYS_open
  judge("open", syscall(SYS_open, fresh("open", false), O_CREAT | O_WRONLY | O_CLOEXEC, 04755));
  judge("creat", syscall(SYS_creat, fresh("creat", false), 04755));
#endif
  judge("mknod", mknod(fresh("mknod", false), S_IFREG | 04755, 0));
  struct open_how how = {.flags = O_CREAT | O_WRONLY | O_CLOEXEC, .mode = 04755};
  judge("openat2", syscall(SYS_openat2, AT_FDCWD, fresh("openat2", false), &how, sizeof how));
  const int temporary = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 04755);
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", temporary);
  judge("tmpfile", temporary < 0 ? -1 : linkat(AT_FDCWD, link, AT_FDCWD, fresh("tmpfile", false), AT_SYMLINK_FOLLOW));
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) broken("usage");
  if (argc > 2 && !strcmp(argv[1], "--make")) {
    directory = argv[2];
    return make_files();
  }
  if (!strcmp(argv[1], "--show")) {
    if (geteuid() != getuid() || getegid() != getgid()) reached("euid", "%d", (int)geteuid());
    else errno = EPERM, refused("euid");
    return 0;
  }
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    execl(argv[1], argv[1], "--show", (char *)NULL);
    refused("exec");
    fflush(stdout);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return 0;
}
