// init: pid 1 of the sandbox, or its subreaper where there is no pid namespace. The rules are at the head of child.h.
//
// It reaps, forwards signals, and ends when the payload does; the kernel then kills whatever is left in the pid
// namespace (pid_namespaces(7)). It holds no capability, no file but the channel, and a filter that allows little
// beyond waiting.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "kernel/descriptors.h"
#include "kernel/namespace.h"
#include "kernel/resident.h"
#include "kernel/seccomp.h"
#include "launch/child.h"

namespace sbx {
namespace {


#if defined(__x86_64__)
constexpr std::uint32_t native_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t native_architecture = AUDIT_ARCH_AARCH64;
#else
#error "init's filter names its architecture"
#endif

// What init does from here on, and nothing else.
constexpr int init_calls[] = {
    SYS_read, SYS_write, SYS_ppoll, SYS_waitid, SYS_kill, SYS_exit_group, SYS_close, SYS_restart_syscall,
    SYS_openat,  // /proc/thread-self/children, without a pid namespace, and /proc/self/stat
    SYS_madvise,
    SYS_sendmsg,  // its namespaces, for those who are let in
#ifdef SYS_poll
    SYS_poll,
#endif
};
constexpr std::size_t init_call_count = sizeof init_calls / sizeof init_calls[0];

int confine_init() {
  sock_filter filter[init_call_count + 6];
  std::size_t n = 0;
  filter[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
  filter[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native_architecture, 1, 0);
  filter[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  filter[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (std::size_t i = 0; i < init_call_count; ++i)
    filter[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(init_calls[i]),
                           static_cast<std::uint8_t>(init_call_count - i), 0);
  filter[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  filter[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  return load_filter(filter, n);
}

struct Init {
  const ChildProgram& program;
  int channel, signals, payload;
  bool payload_alive = true;
  siginfo_t end{};
};

// Each child of init, as far as the kernel lists them (CONFIG_PROC_CHILDREN).
template <typename Action>
void for_each_child(Action&& action) {
  const int fd = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  char text[4096];
  const ssize_t got = ::read(fd, text, sizeof text);
  ::close(fd);
  int pid = 0;
  for (ssize_t i = 0; i < got; ++i) {
    if (text[i] >= '0' && text[i] <= '9') pid = pid * 10 + (text[i] - '0');
    else if (pid > 1) action(pid), pid = 0;
  }
}

void kill_children() {
  for_each_child([](int pid) { ::kill(pid, SIGKILL); });
}

// daemon(7): the first process ends with 0 when another goes on in its place. Of several the oldest is taken; one that was
// only on the way (the middle one of a double fork) ends with 0 as well, and the next look finds who is left.
bool adopt_daemon(Init& init) {
  if (!init.program.adopts_daemon || init.end.si_code != CLD_EXITED || init.end.si_status != 0) return false;
  int oldest = 0;
  for_each_child([&](int pid) { oldest = oldest == 0 || pid < oldest ? pid : oldest; });
  if (oldest == 0) return false;
  init.payload = oldest;
  init.payload_alive = true;
  Message message{};
  message.kind = MessageKind::adopted;
  send_raw(init.channel, &message, sizeof message);
  return true;
}

// Ends every process of the sandbox but init.
void kill_all(const Init& init) {
  // In its own pid namespace "all but the caller" is the sandbox (kill(2)); outside of one it would be the user's.
  if (init.program.new_pid_namespace) ::kill(-1, SIGKILL);
  else kill_children();
  // A command that joined has its init outside of its pid namespace, where /proc tells nothing of its children.
  if (init.program.joins && init.payload_alive) ::kill(-init.payload, SIGKILL), ::kill(init.payload, SIGKILL);
}

void reap(Init& init, bool wait) {
  for (;;) {
    siginfo_t info{};
    const int flags = WEXITED | (init.payload_alive && init.program.own_terminal ? WSTOPPED : 0) | (wait ? 0 : WNOHANG);
    if (::waitid(P_ALL, 0, &info, flags) != 0) {
      if (errno == EINTR) continue;
      return;  // ECHILD: nobody is left
    }
    if (info.si_pid == 0) return;
    if (info.si_code == CLD_STOPPED) {
      Message message{};
      message.kind = MessageKind::stopped;
      message.detail = info.si_status;
      if (info.si_pid == init.payload) send_raw(init.channel, &message, sizeof message);
      continue;
    }
    if (info.si_pid == init.payload) init.payload_alive = false, init.end = info;
    if (wait && !init.program.new_pid_namespace) kill_children();
  }
}

void forward(const Init& init, int signal) {
  if (!init.payload_alive || signal <= 0 || signal > SIGRTMAX) return;
  // What a terminal sends goes to the whole process group, as the terminal would (termios(3)); the rest to the payload.
  const bool group = signal == SIGINT || signal == SIGQUIT || signal == SIGTSTP || signal == SIGCONT ||
                     signal == SIGSTOP || signal == SIGWINCH;
  if (::kill(group ? -init.payload : init.payload, signal) != 0 && group) ::kill(init.payload, signal);  // a daemon may lead none
}

// What another process needs to come in, where the caller may have it: /proc/PID/ns of a process that isn't dumpable is for
// root alone, but for its own (proc(5)). Non-blocking, since a payload that may mount could have put a FIFO there.
void share_namespaces(const Init& init) {
  Message message{};
  message.kind = MessageKind::namespaces;
  int fds[namespace_kinds.size()];
  std::size_t count = 0;
  for (std::size_t i = 0; i < namespace_kinds.size(); ++i) {
    fds[count] = ::open(namespace_kinds[i].path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fds[count] >= 0) ++count, message.detail |= 1 << i;
  }
  send_descriptors(init.channel, message, fds, count);
  while (count > 0) ::close(fds[--count]);
}

// no_sanitize_address, here and below: before a call that doesn't return AddressSanitizer makes system calls of its own,
// which init's filter refuses.

// Statistics are read while the cgroup still has a process, so that nobody removes it.
[[noreturn, gnu::no_sanitize_address]] void finish(Init& init) {
  kill_all(init);
  if (init.program.waits_for_acknowledge || !init.program.new_pid_namespace) reap(init, true);
  Message message{};
  message.kind = MessageKind::ended;
  message.error = init.end.si_code;
  message.detail = init.end.si_status;
  send_raw(init.channel, &message, sizeof message);
  while (init.program.waits_for_acknowledge && receive_raw(init.channel, &message) == 0 &&
         message.kind != MessageKind::acknowledge) {
  }
  ::_exit(0);
}

[[noreturn, gnu::no_sanitize_address]] void serve(Init& init) {
  pollfd entries[] = {{init.signals, POLLIN, 0}, {init.channel, POLLIN, 0}};
  int wait = settled_ms;
  for (;;) {
    if (!init.payload_alive && !adopt_daemon(init)) finish(init);
    const int ready = ::poll(entries, 2, wait);
    if (ready == 0) {
      // A payload that lives on: the parent's heap, and whatever secrets are in it, is of no use here.
      wait = -1;
      release_all_memory();
    }
    if (ready <= 0) continue;
    if ((entries[0].revents & POLLIN) != 0) {
      signalfd_siginfo info;
      if (::read(init.signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD) reap(init, false);
        // The sandbox's terminal tells its foreground of a new size itself; init hears of it while it still is that.
        else if (info.ssi_signo != SIGWINCH || !init.program.own_terminal) forward(init, static_cast<int>(info.ssi_signo));
      }
    }
    if (entries[1].revents == 0) continue;
    Message message;
    if (receive_raw(init.channel, &message) != 0) {
      // The parent is gone, and its sandbox goes with it.
      kill_all(init);
      if (!init.program.new_pid_namespace) reap(init, true);
      ::_exit(failed_status);
    }
    if (message.kind == MessageKind::forward) forward(init, message.detail);
    if (message.kind == MessageKind::kill_payload) kill_all(init);
    if (message.kind == MessageKind::share_namespaces) share_namespaces(init);
  }
}

}  // namespace

[[gnu::no_sanitize_address]] void run_init(const ChildProgram& program, Progress& progress, int payload, int terminal, bool powerless) {
  // Every signal is blocked since before the clone.
  sigset_t all;
  ::sigfillset(&all);
  Init init{program, program.channel, -1, payload};
  StartedMessage started{};
  progress.enter(Step::monitor);
  started.exec_ns = progress.since_ns();  // exec let go of init a moment ago
  const auto take_up = [&] {
    init.signals = ::signalfd(-1, &all, SFD_CLOEXEC);
    if (init.signals < 0 || ::chdir("/") != 0) return -errno;
    int kept[] = {program.lifeline, terminal, init.channel, init.signals};
    std::ranges::sort(kept);
    const auto unused = static_cast<std::size_t>(std::ranges::count(kept, -1));
    return close_all_but(kept + unused, std::size(kept) - unused, program.highest_descriptor);
  };
  // A payload that keeps capabilities has them alone: init holds none all the same.
  const bool ready = progress.run(Step::start_payload, take_up) && (powerless || keep_capabilities(progress, 0)) &&
                     progress.run(Step::seccomp, confine_init);
  if (!ready) {
    send_raw(init.channel, &progress.failure(), sizeof(Message));
    ::_exit(failed_status);
  }
  progress.enter(Step::monitor);
  started.message.kind = MessageKind::started;
  started.times = progress.times();
  send_raw(init.channel, &started, sizeof started);
  serve(init);
}

}  // namespace sbx
