#include "launch/notify_relay.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>

#include "base/fault.h"
#include "base/text.h"
#include "launch/sandbox_processes.h"

namespace sbx {
namespace {

// A service says a few words at its start and a ping every few seconds. Who says more waits: its messages stay in the
// socket, whose queue the kernel bounds, and sbx and the manager aren't kept busy.
constexpr int burst = 64, each_pause = 8;
constexpr long pause_ns = 250'000'000;
constexpr int most_complaints = 5;
constexpr std::size_t most_descriptors = 253;  // SCM_MAX_FD of the kernel
constexpr std::size_t most_known = 256;

// What may lie in the manager's store and come back to the next sandbox of the unit: it leads nowhere. A directory, or a
// path opened without access, would lead to what that one may not be allowed to see.
bool may_be_stored(int fd) {
  struct stat facts {};
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0 || ::fstat(fd, &facts) != 0) return false;
  const auto type = facts.st_mode & S_IFMT;
  return type == S_IFSOCK || type == S_IFIFO || type == S_IFREG || type == 0;  // 0: an eventfd, a timerfd, ...
}

socklen_t manager_address(const std::string& name, sockaddr_un& address) {
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] != '@') return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
  address.sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
}

// 0 or errno. Whose message it is the kernel says: sbx's, the unit's main process (NotifyAccess=main).
int send_to_manager(int fd, const std::string& manager, const std::string& text, const std::vector<UniqueFd>& descriptors) {
  sockaddr_un address{};
  iovec piece{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(most_descriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = manager_address(manager, address);
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    auto* at = reinterpret_cast<int*>(CMSG_DATA(header));
    for (const auto& descriptor : descriptors) *at++ = descriptor.get();
  }
  ssize_t sent = -1;
  do sent = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

}  // namespace

NotifyRelay::NotifyRelay(const std::string& manager, Events& events, std::function<void(const std::string&)> complain)
    : manager_(manager), events_(events), complain_(std::move(complain)), allowance_(burst) {}

NotifyRelay::~NotifyRelay() {
  if (socket_) events_.remove(socket_.get());
  if (timer_) events_.remove(timer_.get());
}

Result<std::unique_ptr<NotifyRelay>> NotifyRelay::open(const std::string& manager, Events& events,
                                                       std::function<void(const std::string&)> complain) {
  SBX_TRY(check_fault(Step::relay_notifications));
  std::unique_ptr<NotifyRelay> relay(new NotifyRelay(manager, events, std::move(complain)));
  relay->socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  relay->sender_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  relay->timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const int on = 1;
  // The kernel names each sender from here on; before the socket has a name there is none (unix(7)).
  if (!relay->socket_ || !relay->sender_ || !relay->timer_ ||
      ::setsockopt(relay->socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return fail_errno(Step::relay_notifications, errno, "a socket for notifications", "raise the limit of open files (ulimit -n)");
  return relay;
}

Companion NotifyRelay::companion() {
  Companion companion;
  companion.held = [this](const HeldSandbox& sandbox) { return listen(sandbox.init); };
  // What was said last is still in the socket, in whatever amount the kernel let it hold.
  companion.ended = [this](const ExitReport&) {
    allowance_ = burst;
    if (!paused_) serve();
  };
  return companion;
}

Result<> NotifyRelay::listen(pid_t init) {
  init_ = init;
  SBX_TRY(events_.add(timer_.get(), EPOLLIN, [this](std::uint32_t) { resume(); }));
  return events_.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { serve(); });
}

void NotifyRelay::say(const std::string& text) {
  static_cast<void>(send_to_manager(sender_.get(), manager_, text, {}));
}

// As much as is allowed at once; the rest after a pause.
void NotifyRelay::serve() {
  for (;;) {
    if (waiting_ && !forward()) return pause();
    if (allowance_ <= 0) return pause();
    if (!receive()) return;
    --allowance_;
  }
}

void NotifyRelay::pause() {
  paused_ = true;
  events_.remove(socket_.get());
  const itimerspec once{{}, {0, pause_ns}};
  ::timerfd_settime(timer_.get(), 0, &once, nullptr);
}

void NotifyRelay::resume() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(timer_.get(), &count, sizeof count));
  if (!paused_) return;
  paused_ = false;
  allowance_ = std::min(allowance_ + each_pause, burst);
  if (events_.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { serve(); })) serve();
}

// One message, if there is one; what passes is in waiting_ then.
bool NotifyRelay::receive() {
  std::array<char, longest_notification> text;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(most_descriptors * sizeof(int))> control;
  iovec piece{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0) return false;
  auto incoming = std::make_unique<Incoming>();
  ucred sender{};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_CREDENTIALS) std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
    if (header->cmsg_type != SCM_RIGHTS) continue;
    const auto* fds = reinterpret_cast<const int*>(CMSG_DATA(header));
    for (std::size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) incoming->descriptors.emplace_back(fds[i]);
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return refuse(sender.pid, "it is too long, or its descriptors too many"), true;
  if (!is_inside(sender.pid)) return refuse(sender.pid, "that process isn't of the sandbox"), true;
  auto notification = read_notification({text.data(), static_cast<std::size_t>(got)}, incoming->descriptors.size());
  if (!notification) return refuse(sender.pid, notification.error().what), true;
  incoming->notification = *std::move(notification);
  const Notification& read = incoming->notification;
  if (read.main_pid != 0 && !names_process_inside(read.main_pid)) return refuse(sender.pid, "its MAINPID is no process of the sandbox"), true;
  if (!read.stores && !read.barrier) incoming->descriptors.clear();
  if (read.stores && !std::ranges::all_of(incoming->descriptors, [](const UniqueFd& fd) { return may_be_stored(fd.get()); }))
    return refuse(sender.pid, "FDSTORE takes sockets, pipes, files and the kernel's event descriptors, no directory or device"), true;
  if (!read.barrier && read.lines.empty() && read.main_pid == 0) return true;  // nothing that a manager knows
  waiting_ = std::move(incoming);
  return true;
}

// False where the manager can't take it now. What it can never take is dropped, as it would be without sbx.
bool NotifyRelay::forward() {
  // MAINPID: sbx itself, which stands for the sandbox. It passes signals on and ends as the payload does, and the manager
  // hears the main process alone.
  const auto text = notification_text(waiting_->notification, static_cast<std::uint64_t>(::getpid()));
  const int error = send_to_manager(sender_.get(), manager_, text, waiting_->descriptors);
  if (error == EAGAIN || error == ENOBUFS) return false;
  waiting_.reset();
  return true;
}

void NotifyRelay::refuse(pid_t sender, const std::string& why) {
  if (refused_++ >= most_complaints || !complain_) return;
  complain_(cat("a notification of process ", sender, " isn't passed to the service manager: ", why,
                refused_ == most_complaints ? "; more like it won't be told" : ""));
}

bool NotifyRelay::is_inside(pid_t pid) {
  if (pid <= 0) return false;
  switch (place_of_process(pid, init_)) {
    case ProcessPlace::inside:
      if (known_.size() < most_known) known_.insert(pid);
      return true;
    case ProcessPlace::gone: return known_.contains(pid);
    case ProcessPlace::outside: break;
  }
  return false;
}

bool NotifyRelay::names_process_inside(std::uint64_t pid) const {
  return process_of_sandbox(static_cast<pid_t>(pid), init_);
}

}  // namespace sbx
