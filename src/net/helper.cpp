#include "net/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "kernel/pidfd.h"
#include "net/helper_child.h"
#include "net/messages.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace sbx {
namespace {

constexpr int handshake_ms = 10'000;
constexpr std::size_t most_words = 2000;

UniqueFd open_pidfd(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

int remaining_ms(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

NetworkHelper& NetworkHelper::operator=(NetworkHelper&& other) noexcept {
  if (this == &other) return *this;
  end();
  pid_ = std::exchange(other.pid_, -1);
  name_ = std::move(other.name_);
  pidfd_ = std::move(other.pidfd_), channel_ = std::move(other.channel_);
  words_ = std::move(other.words_), ready_ = std::move(other.ready_);
  ended_ = std::move(other.ended_);
  return *this;
}

Result<NetworkHelper> NetworkHelper::fork() {
  NetworkHelper helper;
  SBX_ASSIGN(auto pair, make_message_pair());
  int words[2];
  if (::pipe2(words, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno(Step::start_network, errno, "pipe", "raise the limit of open files (ulimit -n)");
  helper.words_.reset(words[0]);
  const UniqueFd theirs(words[1]);
  const UniqueFd launcher = open_pidfd(::getpid());
  if (!launcher) return fail_errno(Step::start_network, errno, "pidfd_open", "boot Linux 5.3 or newer");
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(Step::start_network, errno, "fork", "raise the limit of processes (ulimit -u)");
  if (pid == 0) run_helper({pair.theirs.get(), theirs.get(), launcher.get()});
  helper.pid_ = pid;
  helper.pidfd_ = open_pidfd(pid);
  helper.channel_ = std::move(pair.ours);
  if (!helper.pidfd_) return fail_errno(Step::start_network, errno, "pidfd_open");
  return helper;
}

Result<> NetworkHelper::start(int user_namespace, int network_namespace, const std::vector<std::string>& argv) {
  name_ = argv.front().substr(argv.front().rfind('/') + 1);
  const int passed[] = {user_namespace, network_namespace};
  if (const int error = send_message(channel_.get(), pack_words(argv), passed); error != 0)
    return fail_errno(Step::start_network, -error, cat("the process for ", name_, " is gone"));
  return {};
}

Result<> NetworkHelper::wait_ready(std::chrono::steady_clock::time_point deadline) {
  if (!ready_) {
    SBX_ASSIGN(auto answer, receive_message(channel_.get(), std::min(remaining_ms(deadline), handshake_ms)));
    if (answer.descriptors.size() == 1) ready_ = std::move(answer.descriptors[0]);
    channel_.reset();
  }
  std::string said;
  while (true) {
    std::array<pollfd, 3> entries{{{ready_.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}, {words_.get(), POLLIN, 0}}};
    const int count = ::poll(entries.data(), entries.size(), remaining_ms(deadline));
    if (count < 0 && errno == EINTR) continue;
    said = (said + words()).substr(0, most_words);
    if (ready_ && (entries[0].revents & POLLIN) != 0) return {};
    if (const auto end = fate(); !end.empty() || !ready_)
      return fail(Step::start_network, ErrorKind::host,
                  cat(name_, " ", end.empty() ? "could not be started" : end, said.empty() ? "" : cat(": ", said)));
    if (count <= 0)
      return fail(Step::start_network, ErrorKind::host, cat(name_, " was not ready in time", said.empty() ? "" : cat(": ", said)));
    if ((entries[2].revents & POLLHUP) != 0 && (entries[2].revents & POLLIN) == 0) words_.reset();
  }
}

std::string NetworkHelper::words() {
  std::string text;
  std::array<char, 1024> buffer;
  for (int i = 0; i < 64; ++i) {
    const ssize_t size = words_ ? ::read(words_.get(), buffer.data(), buffer.size()) : -1;
    if (size <= 0) break;
    if (text.size() < most_words) text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  // One line: what syslog refused is no news.
  std::string line;
  for (const auto piece : split(text, '\n')) {
    if (piece.empty() || piece.starts_with("Failed to send ")) continue;
    line += cat(line.empty() ? "" : "; ", piece);
  }
  return line;
}

std::string NetworkHelper::fate() {
  if (pid_ <= 0) return ended_;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return {};
  if (info.si_code == CLD_STOPPED) return cat("was stopped by signal ", info.si_status);
  std::ignore = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
  pid_ = -1;
  ended_ = info.si_code == CLD_EXITED ? cat("ended with status ", info.si_status) : cat("was killed by signal ", info.si_status);
  return ended_;
}

void NetworkHelper::end() {
  if (pid_ <= 0) return;
  if (pidfd_signal(pidfd_.get(), SIGKILL) != 0) ::kill(pid_, SIGKILL);
  siginfo_t info{};
  // It has no handler for SIGKILL, and dies at once.
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) continue;
  pid_ = -1;
  ended_ = "was ended";
}

}  // namespace sbx
