// What all attackers share: one line a try, "reached NAME DETAIL" or "refused NAME ERRNO". An attacker ends with 0 where
// it could try everything; 2 says that its own set-up failed, so that no test mistakes that for safety.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static inline void reached(const char *name, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("reached %s ", name);
  vprintf(format, arguments);
  putchar('\n');
  va_end(arguments);
  fflush(stdout);
}
static inline void refused(const char *name) {
  const int error = errno;
  printf("refused %s %s\n", name, error ? strerrorname_np(error) : "nothing");
  fflush(stdout);
}
// The outcome of a system call: negative is refused.
static inline bool outcome(const char *name, long result) {
  if (result < 0) return refused(name), false;
  return reached(name, "%ld", result), true;
}
__attribute__((noreturn)) static inline void broken(const char *what) {
  fprintf(stderr, "attacker broken: %s: %s\n", what, strerror(errno));
  exit(2);
}
// Runs `act` in a child, so that a kill by the filter is seen as such. The child's own lines are its outcome.
static inline void in_child(const char *name, void (*act)(const char *)) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid < 0) broken("fork");
  if (pid == 0) {
    act(name);
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) broken("waitpid");
  if (WIFSIGNALED(status)) printf("refused %s %s\n", name, WTERMSIG(status) == SIGSYS ? "SIGSYS" : strsignal(WTERMSIG(status)));
  fflush(stdout);
}
// True where `needle` stands in the first `limit` bytes of the file.
static inline bool file_holds(const char *path, const char *needle, size_t limit) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  char *content = malloc(limit + 1);
  size_t length = 0;
  ssize_t got = 0;
  while (length < limit && (got = read(fd, content + length, limit - length)) > 0) length += (size_t)got;
  const int error = errno;
  close(fd);
  const bool found = memmem(content, length, needle, strlen(needle)) != NULL;
  free(content);
  errno = got < 0 ? error : 0;
  return found;
}
