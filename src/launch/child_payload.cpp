// The payload's process from its birth to exec. It shares init's memory (vfork), so it writes nothing but Progress.
// The rules are at the head of child.h.
#include <fcntl.h>
#include <linux/filter.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernel/descriptors.h"
#include "kernel/seccomp.h"
#include "launch/child.h"

namespace sbx {
namespace {

constexpr int last_signal = 64;

int take_terminal(int terminal, bool all) {
  // A process group of its own in init's session, in the foreground. The write to the terminal's foreground from a
  // background group is let through because SIGTTOU is blocked (tcsetpgrp(3)).
  if (::setpgid(0, 0) != 0 || ::tcsetpgrp(terminal, ::getpid()) != 0) return -errno;
  // What the caller sent elsewhere (2>log) stays there.
  for (int fd = 0; fd < 3; ++fd)
    if ((fd < 2 || all || ::isatty(fd) == 1) && ::dup2(terminal, fd) < 0) return -errno;
  return 0;
}

int set_rlimits(const LaunchPlan& plan, Progress& progress) {
  int index = 0;
  for (const RlimitSpec& limit : plan.rlimits) {
    progress.at(index++);
    const rlimit64 value{limit.soft, limit.hard};
    // prlimit64: the same layout on every architecture, where UINT64_MAX is RLIM64_INFINITY.
    if (::syscall(SYS_prlimit64, 0, limit.resource, &value, nullptr) != 0) return -errno;
  }
  return 0;
}

int leave_descriptors(const ChildProgram& program) {
  // Closed, not marked for exec: a script may name /proc/self/fd/N as its interpreter, which the kernel opens before it
  // closes what is marked, and a directory that the caller leaked would lead out of the sandbox. 0 to 2 are the payload's.
  int first = 3;
  const auto close_below = [&](int fd) {
    if (fd < first) return 0;
    const int error = fd > first ? close_descriptors(static_cast<unsigned>(first), static_cast<unsigned>(fd) - 1,
                                                     program.highest_descriptor)
                                 : 0;
    first = fd + 1;
    return error;
  };
  bool passed_channel = false;  // it is marked since its birth: exec closes it
  for (const int fd : program.kept) {
    if (!passed_channel && program.channel < fd) {
      passed_channel = true;
      if (const int error = close_below(program.channel); error != 0) return error;
    }
    if (const int error = close_below(fd); error != 0) return error;
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || ::fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) != 0) return -errno;
  }
  if (!passed_channel)
    if (const int error = close_below(program.channel); error != 0) return error;
  return close_descriptors(static_cast<unsigned>(first), ~0U, program.highest_descriptor);
}

int reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  // Those that the caller ignored (nohup) would stay ignored through exec. libc's own two are left to the raw number.
  for (int signal = 1; signal <= last_signal; ++signal)
    if (signal != SIGKILL && signal != SIGSTOP) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  return ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0 ? 0 : -errno;
}

int load_plan_filter(const LaunchPlan& plan) {
  if (plan.filter.empty()) return 0;
  if (plan.filter.size() % sizeof(sock_filter) != 0) return -EINVAL;
  return load_filter(reinterpret_cast<const sock_filter*>(plan.filter.data()), plan.filter.size() / sizeof(sock_filter));
}

// /proc/PID/ns and /proc/PID/root of a process that isn't dumpable are for root alone: the launcher looks now. Before the
// filter, which need not let prctl(2) through, since init shares this memory and must not stay readable to the payload.
int show_namespaces(const ChildProgram& program) {
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return -errno;
  Message message{};
  message.kind = MessageKind::readable;
  if (const int error = send_raw(program.channel, &message, sizeof message); error != 0) return error;
  if (const int error = receive_raw(program.channel, &message); error != 0) return error;
  if (message.kind != MessageKind::looked) return -EBADMSG;
  return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -errno;
}

int wait_for_release(const ChildProgram& program) {
  Message message{};
  message.kind = MessageKind::waiting;
  if (program.announces)
    if (const int error = send_raw(program.channel, &message, sizeof message); error != 0) return error;
  if (!program.waits_for_release) return 0;
  if (const int error = receive_raw(program.channel, &message); error != 0) return error;
  return message.kind == MessageKind::release ? 0 : -EBADMSG;
}

// What tells a process that something is meant for it and not for its children (sd_listen_fds(3), sd_watchdog_enabled(3)).
void fill_pid_variables(const ChildProgram& program) {
  for (const std::string& variable : program.pid_variables) {
    char* at = const_cast<char*>(variable.c_str()) + variable.find('=') + 1;
    char digits[12];
    int count = 0;
    for (auto pid = static_cast<unsigned>(::syscall(SYS_getpid)); pid > 0; pid /= 10) digits[count++] = static_cast<char>('0' + pid % 10);
    while (count > 0) *at++ = digits[--count];
  }
}

// As execvp(3): goes on past what isn't there; of what is there and can't be executed the first is told.
int execute(const ChildProgram& program, Progress& progress) {
  int worst = -ENOENT, at = 0;
  bool found = false;
  for (std::size_t i = 0; i < program.command_paths.size(); ++i) {
    ::execve(program.command_paths[i], const_cast<char* const*>(program.argv.data()),
             const_cast<char* const*>(program.environment.data()));
    const int error = errno;
    if (!found && error != ENOENT && error != ENOTDIR) worst = -error, at = static_cast<int>(i), found = true;
    // Anything else (E2BIG, ENOEXEC, ...) is about this very file.
    if (error != ENOENT && error != ENOTDIR && error != EACCES) break;
  }
  progress.at(at);
  return worst;
}

}  // namespace

[[gnu::no_sanitize_address]] int run_payload(void* argument) {
  auto& start = *static_cast<PayloadStart*>(argument);
  const ChildProgram& program = start.program;
  Progress& progress = start.progress;
  const LaunchPlan& plan = *program.plan;
  // In a terminal of its own it stays in init's session; else it gets one without a terminal, so that the caller's
  // can't be reached, nor fed with TIOCSTI.
  const bool ready =
      progress.run(Step::new_session, [&] {
        // Should init go first: without a pid namespace of its own nothing else would end the payload.
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -errno;
        if (start.terminal >= 0) return take_terminal(start.terminal, program.error >= 0);
        if (program.output >= 0 && ::dup2(program.output, 1) < 0) return -errno;
        if (program.error >= 0 && ::dup2(program.error, 2) < 0) return -errno;
        return ::setsid() < 0 ? -errno : 0;
      }) &&
      // Raising a hard limit takes a capability.
      (plan.rlimits.empty() || progress.run(Step::set_rlimits, [&] { return set_rlimits(plan, progress); })) &&
      (start.powerless || keep_capabilities(progress, plan.kept_capabilities)) &&
      progress.run(Step::close_fds, [&] { return leave_descriptors(program); }) &&
      progress.run(Step::reset_signals, [&] {
        ::umask(program.file_mode_mask);
        return reset_signals();
      }) &&
      (!program.waits_for_release || progress.run(Step::verify_receipt, [&] { return show_namespaces(program); })) &&
      // Last, since it may forbid what the steps before need.
      progress.run(Step::seccomp, [&] { return load_plan_filter(plan); }) &&
      progress.run(Step::verify_receipt, [&] { return wait_for_release(program); });
  fill_pid_variables(program);
  if (ready) progress.run(Step::exec, [&] { return execute(program, progress); });
  ::_exit(failed_status);
}

void explain_exec(const ChildProgram& program, Progress& progress) {
  Message& failure = progress.failure();
  const auto index = static_cast<std::size_t>(failure.index < 0 ? 0 : failure.index);
  if (index >= program.command_paths.size()) return;
  const auto found = [&](ExecFault fault) { failure.detail = static_cast<std::int32_t>(fault); };
  for (std::size_t i = index; i < program.command_paths.size(); ++i) {
    const char* path = program.command_paths[i];
    struct stat facts;
    if (::stat(path, &facts) != 0) continue;
    failure.index = static_cast<std::int32_t>(i);
    if (S_ISDIR(facts.st_mode)) return found(ExecFault::directory);
    // It is there and exec says ENOENT: what it names as its interpreter is not (execve(2)).
    if (failure.error == ENOENT) return found(ExecFault::no_interpreter);
    if (failure.error == ENOEXEC) return found(ExecFault::no_format);
    if (failure.error != EACCES) return;
    if ((facts.st_mode & 0111) == 0) return found(ExecFault::no_execute_bit);
    if (::access(path, R_OK) != 0) return found(ExecFault::unreadable);
    return found(ExecFault::no_exec_mount);
  }
}

}  // namespace sbx
