#include "proxy/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/sanitizer.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "filter/compile.h"
#include "kernel/caps.h"
#include "kernel/descriptors.h"
#include "kernel/landlock.h"
#include "kernel/seccomp.h"

namespace sbx::proxy {
namespace {

constexpr std::size_t descriptors_a_connection = 6;  // two sockets and, while bytes are under way, two pipes
constexpr std::size_t other_descriptors = 200;
constexpr rlim_t most_memory = 256UL * 1024 * 1024;

Result<> drop_capabilities() {
  int capability = -1;
  int error = limit_capabilities(0, &capability);
  if (error == -EPERM && capability >= 0) {
    // Without CAP_SETPCAP the bounding set stays, of which no program is executed to gain by it.
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2]{};
    error = ::syscall(SYS_capset, &header, none) == 0 && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 ? 0 : -errno;
  }
  if (error != 0) return fail_errno(Step::drop_capabilities, -error, "the network helper's");
  return {};
}

Result<> forbid_files() {
  const int abi = landlock_abi();
  if (abi == 0) return {};  // the seccomp filter still forbids to open for writing, to make and to execute
  const int number = landlock_create(landlock_handled(abi, true, false, true, true));
  if (number < 0) return fail_errno(Step::landlock, -number, "the network helper's rules");
  const UniqueFd ruleset(number);
  // c-ares reads it anew for each name; its other files are read by now.
  if (const UniqueFd hosts(::open("/etc/hosts", O_PATH | O_CLOEXEC)); hosts)
    static_cast<void>(landlock_allow(ruleset.get(), hosts.get(), landlock_access(abi, false, false, false, false)));
  if (const int error = landlock_restrict(ruleset.get()); error != 0) return fail_errno(Step::landlock, -error, "the network helper's rules");
  return {};
}

Result<CompiledFilter> make_filter() {
  SeccompSpec spec;
  spec.allow = {"accept4", "bind", "brk", "clock_gettime", "close", "connect", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait",
                "exit", "exit_group", "fcntl", "fstat", "futex", "getpeername", "getpid", "getrandom", "getsockname", "getsockopt",
                "gettimeofday", "ioctl", "lseek", "madvise", "mmap", "mprotect", "mremap", "munmap", "newfstatat", "openat", "pipe2",
                "poll", "ppoll", "read", "readv", "recvfrom", "recvmsg", "restart_syscall", "rt_sigprocmask", "rt_sigreturn", "sendmsg",
                "sendto", "setsockopt", "shutdown", "socket", "splice", "time", "write", "writev"};
  spec.origin = "sbx-net";
  return compile_filter(spec, false);
}

Result<> forbid_calls(const CompiledFilter& filter) {
  const auto* instructions = reinterpret_cast<const sock_filter*>(filter.bpf.data());
  if (const int error = load_filter(instructions, filter.bpf.size() / sizeof(sock_filter)); error != 0)
    return fail_errno(Step::seccomp, -error, "the network helper's filter");
  return {};
}

}  // namespace

Result<> leave_caller(int first, int kept) {
  // A launcher that died before that left its end of the channel closed, which ends the loop.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno(Step::set_up_network, errno, "the network helper's death with sbx");
  for (int fd = first; fd <= kept; ++fd)
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 && errno != EBADF) return fail_errno(Step::close_fds, errno, "the network helper's descriptors");
  if (const int error = close_descriptors(static_cast<unsigned>(kept) + 1, ~0U, highest_to_close()); error != 0)
    return fail_errno(Step::close_fds, -error, "the network helper's descriptors");
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal = 1; signal < 32; ++signal) ::signal(signal, SIG_DFL);
  // A terminal's signals are the sandbox's: the helper ends with it, and not before.
  for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU}) ::signal(signal, SIG_IGN);
  ::setsid();
  if (::chdir("/") != 0) return fail_errno(Step::set_up_network, errno, "the network helper's working directory");
  return {};
}

std::size_t raise_descriptor_limit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 64;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted * descriptors_a_connection + other_descriptors);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t bears = limit.rlim_cur > other_descriptors ? (limit.rlim_cur - other_descriptors) / descriptors_a_connection : 1;
  return std::clamp<std::size_t>(bears, 1, wanted);
}

Result<> confine_self() {
  SBX_ASSIGN(const auto filter, make_filter());  // by way of a file in memory: before the limit of file sizes
  for (const auto& [resource, value] : {std::pair{RLIMIT_CORE, rlim_t{0}}, std::pair{RLIMIT_FSIZE, rlim_t{0}}, std::pair{RLIMIT_DATA, most_memory}}) {
    if (resource == RLIMIT_DATA && address_sanitizer) continue;
    const rlimit limit{value, value};
    if (::setrlimit(resource, &limit) != 0) return fail_errno(Step::set_rlimits, errno, "the network helper's");
  }
  SBX_TRY(drop_capabilities());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(Step::no_new_privs, errno, "the network helper's");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno(Step::no_new_privs, errno, "the network helper's memory");
  SBX_TRY(forbid_files());
  return forbid_calls(filter);
}

}  // namespace sbx::proxy
