// Looks for descriptors that leaked: its own beyond 2, and through /proc those of every process it sees.
//   attack_fds SECRET    a text that stands in the leaked file
#include <dirent.h>

#include "attack.h"

static void own(const char *secret) {
  int found = 0;
  for (int fd = 3; fd < 65536; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    ++found;
    char content[256] = "";
    const bool readable = pread(fd, content, sizeof content - 1, 0) > 0 && strstr(content, secret);
    reached(readable ? "content" : "descriptor", "%d", fd);
  }
  if (!found) errno = 0, refused("descriptor");
}

// /proc/PID/fd/N opens the file anew, whatever the path would say now.
static void of_others(const char *secret) {
  DIR *processes = opendir("/proc");
  if (!processes) { refused("proc"); return; }
  int reads = 0;
  for (struct dirent *process; (process = readdir(processes));) {
    const long pid = strtol(process->d_name, NULL, 10);
    if (pid <= 0 || pid == getpid()) continue;
    char path[512];
    snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    DIR *files = opendir(path);
    if (!files) continue;
    for (struct dirent *file; (file = readdir(files));) {
      snprintf(path, sizeof path, "/proc/%ld/fd/%.20s", pid, file->d_name);
      if (file_holds(path, secret, 256)) ++reads, reached("others", "%s", path);
    }
    closedir(files);
  }
  closedir(processes);
  if (!reads) errno = 0, refused("others");
}

int main(int argc, char **argv) {
  if (argc < 2) broken("usage");
  own(argv[1]);
  of_others(argv[1]);
  return 0;
}
