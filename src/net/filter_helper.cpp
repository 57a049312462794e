#include "net/filter_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/fault.h"
#include "base/text.h"
#include "kernel/pidfd.h"

namespace sbx {
namespace {

constexpr int ready_patience_ms = 15'000;
constexpr int used_patience_ms = 2'000;
constexpr std::size_t most_answer = 1024UL * 1024;

// One line; empty where none comes in time.
std::string read_line(int fd, int patience_ms) {
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < most_answer && text.find('\n') == text.npos) {
    pollfd entry{fd, POLLIN, 0};
    const int ready = ::poll(&entry, 1, patience_ms);
    if (ready < 0 && errno == EINTR) continue;
    const auto count = ready > 0 ? ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT) : 0;
    if (count <= 0) return {};
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text.substr(0, text.find('\n'));
}

Result<UniqueFd> request_file(const HelperRequest& request) {
  const std::string text = format_helper_request(request);
  UniqueFd out(::memfd_create("sbx-net", MFD_CLOEXEC));
  if (!out || ::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::lseek(out.get(), 0, SEEK_SET) != 0)
    return fail_errno(Step::set_up_network, errno, "the request to the network helper");
  return out;
}

// Runs `program` with `descriptors` as 3, 4, ... 0 or an errno.
int spawn(const std::string& program, std::span<const int> descriptors, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // Out of the way of the numbers that they are to get.
  std::vector<UniqueFd> moved;
  int error = 0;
  for (std::size_t at = 0; at < descriptors.size() && error == 0; ++at) {
    moved.emplace_back(::fcntl(descriptors[at], F_DUPFD_CLOEXEC, 32));
    if (!moved.back()) error = errno;
    else error = ::posix_spawn_file_actions_adddup2(&actions, moved.back().get(), helper_channel + static_cast<int>(at));
  }
  for (int fd = 0; fd < 3 && error == 0; ++fd) error = ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  std::string name = "sbx-net";
  char* const arguments[] = {name.data(), nullptr};
  char* const environment[] = {nullptr};
  if (error == 0) error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

std::string find_filter_helper(const std::string& installed) {
  if (const char* directory = ::secure_getenv("SBX_HELPER_PATH"); directory != nullptr && *directory == '/') return cat(directory, "/sbx-net");
  const std::string_view own = ::program_invocation_name;
  if (const auto slash = own.rfind('/'); slash != own.npos)
    if (auto beside = cat(own.substr(0, slash), "/sbx-net"); ::access(beside.c_str(), X_OK) == 0) return beside;
  return cat(installed, "/sbx-net");
}

Companion FilterHelper::companion() {
  Companion out;
  out.needs_namespaces = true;
  out.cloned = [this](const HeldSandbox& sandbox) { return start(sandbox); };
  out.held = [this](const HeldSandbox&) { return await_ready(); };
  out.started = [this](const StartedSandbox&) { watch(); };
  out.ended = [this](const ExitReport&) {
    if (options_.request.learn) ask_used();
    stop();
  };
  return out;
}

Result<> FilterHelper::start(const HeldSandbox& sandbox) {
  SBX_TRY(check_fault(Step::set_up_network));
  SBX_ASSIGN(const auto request, request_file(options_.request));
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno(Step::set_up_network, errno, "socketpair");
  channel_.reset(pair[0]);
  const UniqueFd theirs(pair[1]);
  const std::array<int, 5> descriptors = {theirs.get(), request.get(), sandbox.user_namespace, sandbox.network_namespace,
                                          options_.control >= 0 ? options_.control : request.get()};
  if (const int error = spawn(options_.program, descriptors, pid_); error != 0) {
    pid_ = -1;
    return fail_errno(Step::set_up_network, error, options_.program, "install sbx-net there, or say where it is with SBX_HELPER_PATH");
  }
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));  // CLOEXEC by itself
  return {};
}

Result<> FilterHelper::await_ready() {
  const std::string line = read_line(channel_.get(), ready_patience_ms);
  if (!line.empty()) return parse_helper_answer(line);
  return fail(Step::set_up_network, ErrorKind::host, cat(options_.program, " has ended, or doesn't get ready"), "see whether it runs: the launch needs it");
}

void FilterHelper::watch() {
  if (options_.events == nullptr || !pidfd_) return;
  static_cast<void>(options_.events->add(pidfd_.get(), EPOLLIN, [this](std::uint32_t) {
    options_.events->remove(pidfd_.get());
    if (options_.tell) options_.tell("the network helper has ended: from here on the sandbox has no network");
  }));
}

void FilterHelper::ask_used() {
  static constexpr std::string_view question = "{\"command\":\"used\"}\n";
  if (::send(channel_.get(), question.data(), question.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
  const auto answer = nlohmann::json::parse(read_line(channel_.get(), used_patience_ms), nullptr, false);
  if (!answer.is_object() || !answer.contains("used")) return;
  for (const auto& rule : answer["used"])
    if (rule.is_string()) used_.push_back(rule.get<std::string>());
}

void FilterHelper::stop() {
  if (pid_ < 0) return;
  if (options_.events != nullptr && pidfd_) options_.events->remove(pidfd_.get());
  channel_.reset();
  // It has nothing to bring to an end.
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
}

}  // namespace sbx
