#include "kernel/session.h"

#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sbx {

int join_new_keyring() {
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0 || errno == ENOSYS) return 0;
  return -errno;
}

int bring_up_loopback() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  // A new namespace's lo has no other flag to keep.
  request.ifr_flags = IFF_UP;
  const int error = ::ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : -errno;
  ::close(fd);
  return error;
}

int set_ids(uid_t uid, gid_t gid, bool drop_groups) {
  // A change from uid 0 to another would clear the capabilities that the mounts need (capabilities(7)).
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0) return -errno;
  if (drop_groups && ::syscall(SYS_setgroups, 0, nullptr) != 0) return -errno;
  // Raw calls: libc's would tell its other threads.
  if (::syscall(SYS_setresgid, gid, gid, gid) != 0) return -errno;
  if (::syscall(SYS_setresuid, uid, uid, uid) != 0) return -errno;
  return ::prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) == 0 ? 0 : -errno;
}

}  // namespace sbx
