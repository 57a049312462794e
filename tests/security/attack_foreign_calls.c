// Enters the kernel by the doors whose numbers mean other calls: int 0x80, the 32-bit sysenter's numbers, x32.
#include "attack.h"

#if defined(__x86_64__)
static void by_int80(const char *name) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "r8", "r9", "r10", "r11", "memory");  // getpid
  errno = result < 0 ? (int)-result : 0;
  if (result == getpid()) reached(name, "getpid");
  else refused(name);
}
static void by_int80_mount(const char *name) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(21), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "r8", "r9", "r10", "r11", "memory");
  errno = (int)-result;
  reached(name, "%s", strerrorname_np(errno));  // the kernel looked at it, whatever it says
}
// A kernel without x32 says ENOSYS, and the filter has let the call through.
static void x32(const char *name, long number) {
  errno = 0;
  const long result = syscall(0x40000000 | number);
  reached(name, "%s", result < 0 ? strerrorname_np(errno) : "getpid");
}
static void by_x32(const char *name) { x32(name, SYS_getpid); }
static void by_x32_own(const char *name) { x32(name, 521 /* ptrace of x32 */); }
#endif
static void by_huge_number(const char *name) {
  errno = 0;
  if (syscall(0x3fffffff) < 0) refused(name);
  else reached(name, "?");
}

int main(void) {
#if defined(__x86_64__)
  in_child("int80", by_int80);
  in_child("int80-mount", by_int80_mount);
  in_child("x32", by_x32);
  in_child("x32-ptrace", by_x32_own);
#endif
  in_child("huge", by_huge_number);
  return 0;
}
