// spawn COUNT PARALLEL COMMAND...: starts COMMAND COUNT times, PARALLEL at a time, and prints the wall time of each run and of
// all in nanoseconds, one number a line. In C and by vfork, so that the measuring costs little beside what is measured.
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int count = atoi(argv[1]), parallel = atoi(argv[2]);
  if (count < 1 || parallel < 1 || parallel > 64) return 2;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  uint64_t* times = calloc((size_t)count, sizeof *times);
  struct { pid_t pid; uint64_t begin; } running[64] = {{0, 0}};
  int started = 0, ended = 0;
  const uint64_t begin = now();
  while (ended < count) {
    for (int i = 0; i < parallel && started < count; ++i) {
      if (running[i].pid != 0) continue;
      running[i].begin = now();
      if (posix_spawnp(&running[i].pid, argv[3], &actions, NULL, argv + 3, environ) != 0) return 3;
      ++started;
    }
    int status;
    const pid_t pid = waitpid(-1, &status, 0);
    if (pid < 0 || status != 0) return fprintf(stderr, "%s: status %d\n", argv[3], status), 4;
    for (int i = 0; i < parallel; ++i)
      if (running[i].pid == pid) times[ended++] = now() - running[i].begin, running[i].pid = 0;
  }
  const uint64_t all = now() - begin;
  for (int i = 0; i < count; ++i) printf("%llu\n", (unsigned long long)times[i]);
  printf("%llu\n", (unsigned long long)all);
  return 0;
}
