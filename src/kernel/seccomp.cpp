#include "kernel/seccomp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sbx {

int load_filter(const sock_filter* instructions, std::size_t count) {
  // The kernel takes at most BPF_MAXINSNS of them; a longer filter must not be cut to its low 16 bits.
  if (count == 0 || count > BPF_MAXINSNS) return -EINVAL;
  sock_fprog program{};
  program.len = static_cast<unsigned short>(count);
  program.filter = const_cast<sock_filter*>(instructions);
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : -errno;
}

}  // namespace sbx
