// Leaves processes behind: a daemon by two forks and setsid, one that ignores every signal, one that keeps forking to
// outrun whoever kills by pid, one whose name and group are others. Then sleeps itself.
//   attack_orphans [end]   "end": the first process ends at once
#include <sys/prctl.h>

#include "attack.h"

static void ignore_all(void) {
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
}
static void daemonize(void) {
  if (fork() != 0) _exit(0);
  setsid();
  if (fork() != 0) _exit(0);
}
__attribute__((noreturn)) static void stay(void) {
  for (int i = 0; i < 120; ++i) sleep(1);
  _exit(0);
}

int main(int argc, char **argv) {
  for (int kind = 0; kind < 4; ++kind) {
    const pid_t pid = fork();
    if (pid < 0) broken("fork");
    if (pid > 0) continue;
    if (kind == 0) daemonize();
    if (kind == 1) ignore_all();
    if (kind == 2) {
      signal(SIGCHLD, SIG_IGN);
      // Each generation lives for two milliseconds, a minute in all.
      for (int i = 0; i < 30000; ++i) {
        usleep(2000);
        const pid_t next = fork();
        if (next != 0) _exit(0);
      }
    }
    if (kind == 3) daemonize(), ignore_all(), prctl(PR_SET_NAME, "kworker/0:0"), prctl(PR_SET_PDEATHSIG, 0);
    stay();
  }
  reached("started", "4");
  if (argc > 1 && !strcmp(argv[1], "end")) return 0;
  stay();
}
