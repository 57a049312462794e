// Types a command into the terminal, to be run by the shell that comes after: TIOCSTI, also with bits set beyond the 32
// that the kernel looks at, and TIOCLINUX's paste.
#include <sys/ioctl.h>
#include <termios.h>

#include "attack.h"

static void type(const char *name, int fd, uint64_t request) {
  static const char text[] = "injected";
  for (size_t i = 0; i < sizeof text - 1; ++i)
    if (syscall(SYS_ioctl, fd, request, &text[i]) < 0) { refused(name); return; }
  reached(name, "typed");
}

int main(void) {
  const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
  printf("%s dev-tty %s\n", terminal < 0 ? "refused" : "reached", terminal < 0 ? strerrorname_np(errno) : "open");
  type("stdin", 0, TIOCSTI);
  type("stdin-upper-bits", 0, 0xdead0000ffffffffULL & (0xdead000000000000ULL | TIOCSTI));
  type("stdin-bit-32", 0, 0x100000000ULL | TIOCSTI);
  type("stdout", 1, TIOCSTI);
  type("tty", terminal, TIOCSTI);
  char paste[] = {3, 0};
  outcome("paste", syscall(SYS_ioctl, 0, TIOCLINUX, paste));
  outcome("paste-upper-bits", syscall(SYS_ioctl, 0, 0xffffffff00000000ULL | TIOCLINUX, paste));
  return 0;
}
