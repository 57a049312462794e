// Looks for a secret of the caller's environment or command line in all that /proc shows of every process, and in its
// own memory.
//   attack_environ MIDDLE-OF-THE-SECRET REST   the parts apart, so that this command line doesn't hold the whole
#include <dirent.h>

#include "attack.h"

static char secret[256];

static void look(const char *name, const char *file) {
  DIR *processes = opendir("/proc");
  if (!processes) { refused(name); return; }
  int found = 0, seen = 0;
  for (struct dirent *process; (process = readdir(processes));) {
    const long pid = strtol(process->d_name, NULL, 10);
    if (pid <= 0) continue;
    ++seen;
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, file);
    if (file_holds(path, secret, 1 << 20)) ++found, reached(name, "%s", path);
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/%s", pid, pid, file);
    if (file_holds(path, secret, 1 << 20)) ++found, reached(name, "%s", path);
  }
  closedir(processes);
  if (!seen) broken("no process in /proc");
  if (!found) errno = 0, refused(name);
}

// The memory of every process that lets it be read: mappings from maps, content from mem.
static void memory(const char *name) {
  DIR *processes = opendir("/proc");
  int found = 0;
  for (struct dirent *process; (process = readdir(processes));) {
    const long pid = strtol(process->d_name, NULL, 10);
    if (pid <= 0 || pid == getpid()) continue;
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%ld/maps", pid);
    FILE *maps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%ld/mem", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (maps && fd >= 0 && fgets(line, sizeof line, maps)) {
      unsigned long from, to;
      char rights[8];
      if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w' || to - from > 1 << 24) continue;
      char *content = malloc(to - from);
      const ssize_t got = pread(fd, content, to - from, (off_t)from);
      if (got > 0 && memmem(content, (size_t)got, secret, strlen(secret))) ++found, reached(name, "%ld at %lx", pid, from);
      free(content);
    }
    if (maps) fclose(maps);
    if (fd >= 0) close(fd);
  }
  closedir(processes);
  if (!found) errno = 0, refused(name);
}

int main(int argc, char **argv) {
  if (argc < 3) broken("usage");
  snprintf(secret, sizeof secret, "%s%s", argv[1], argv[2]);
  look("environ", "environ");
  look("cmdline", "cmdline");
  memory("memory");
  return 0;
}
