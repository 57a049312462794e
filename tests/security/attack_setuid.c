// Becomes root by a set-user-id program: this file itself, owned by root and mode 4755 where the test put it.
//   attack_setuid PROGRAM   executes PROGRAM, a set-user-id copy, as "PROGRAM --show"
#include <sys/prctl.h>
#include <sys/stat.h>

#include "attack.h"

int main(int argc, char **argv) {
  if (argc < 2) broken("usage");
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
