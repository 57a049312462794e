#include "launch/janitor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/fault.h"
#include "base/text.h"
#include "kernel/clone.h"
#include "kernel/descriptors.h"
#include "kernel/path.h"
#include "kernel/pidfd.h"
#include "kernel/placeholder.h"
#include "launch/channel.h"

namespace sbx {
namespace {

constexpr int patience_ms = 10'000;
constexpr int most_tries = 50;  // of joining a placeholder that another sandbox is just removing
constexpr timespec after_a_crash{0, 50'000'000};  // until the last process of a killed sandbox is gone

struct Held {
  UniqueFd parent, node;
  std::string name, path;
  bool directory = false;
};

bool same_node(const Held& held) {
  struct stat here {}, there {};
  return ::fstat(held.node.get(), &here) == 0 &&
         ::fstatat(held.parent.get(), held.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

int make_node(const Held& held) {
  if (held.directory) {
    if (::mkdirat(held.parent.get(), held.name.c_str(), 0700) != 0) return -errno;
    // mkdir takes no sticky bit everywhere (mkdir(2)).
    return ::fchmodat(held.parent.get(), held.name.c_str(), placeholder_directory_mode, 0) == 0 ? 0 : -errno;
  }
  const UniqueFd fd(::openat(held.parent.get(), held.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return -errno;
  const timespec times[2] = {{placeholder_time, 0}, {placeholder_time, 0}};
  return ::futimens(fd.get(), times) == 0 ? 0 : -errno;
}

// Makes the node, or shares the one of another sandbox. Another node there is somebody else's: EEXIST.
int hold(Held& held) {
  for (int tries = 0; tries < most_tries; ++tries) {
    const int made = make_node(held);
    if (made != 0 && made != -EEXIST) return made;
    held.node.reset(::openat(held.parent.get(), held.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!held.node && errno == ENOENT) continue;
    if (!held.node) return -errno;
    struct stat facts {};
    if (::fstat(held.node.get(), &facts) != 0) return -errno;
    if (!is_placeholder(facts) || S_ISDIR(facts.st_mode) != held.directory) {
      held.node.reset();
      // A directory that came to be there meanwhile serves as well, and stays.
      return held.directory && S_ISDIR(facts.st_mode) ? 0 : -EEXIST;
    }
    if (::flock(held.node.get(), LOCK_SH | LOCK_NB) == 0 && same_node(held)) return 0;
    const timespec pause{0, 2'000'000};
    ::nanosleep(&pause, nullptr);  // the last user has it locked, to remove it
  }
  return -EBUSY;
}

// Directories that another sandbox made for a placeholder that this one was the last to use.
void remove_parents(int root, const std::string& path) {
  for (std::string at(parent_path(path)); at != "/"; at = parent_path(at)) {
    const std::string above(parent_path(at));
    const UniqueFd parent(open_in(root, above.c_str(), Links::refuse, true));
    const std::string name = at.substr(above == "/" ? 1 : above.size() + 1);
    const UniqueFd node(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat facts {};
    if (!node || ::fstat(node.get(), &facts) != 0 || !is_placeholder(facts)) return;
    if (::flock(node.get(), LOCK_EX | LOCK_NB) != 0 || ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0) return;
  }
}

void remove_all(std::vector<Held>& all) {
  const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (auto held = all.rbegin(); held != all.rend(); ++held) {
    // The lock of another sandbox, or content that somebody gave it, keeps it.
    struct stat facts {};
    if (!held->node || ::flock(held->node.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (::fstat(held->node.get(), &facts) != 0 || !is_placeholder(facts) || !same_node(*held)) continue;
    if (::unlinkat(held->parent.get(), held->name.c_str(), held->directory ? AT_REMOVEDIR : 0) != 0) continue;
    held->node.reset();
    remove_parents(root.get(), held->path);
  }
}

Message make_all(const std::vector<Placeholder>& placeholders, std::vector<Held>& all) {
  Message message{};
  message.kind = MessageKind::started;
  const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  int index = 0, error = root ? 0 : -errno;
  for (const Placeholder& placeholder : placeholders) {
    Held held;
    const std::string parent(parent_path(placeholder.path));
    held.name = placeholder.path.substr(parent == "/" ? 1 : parent.size() + 1);
    held.path = placeholder.path;
    held.directory = placeholder.directory;
    if (error == 0) held.parent.reset(open_in(root.get(), parent.c_str(), Links::refuse, true));
    if (error == 0) error = held.parent ? hold(held) : held.parent.get();
    if (error != 0) {
      message.kind = MessageKind::failed;
      message.error = -error;
      message.index = index;
      return message;
    }
    all.push_back(std::move(held));
    ++index;
  }
  return message;
}

[[noreturn]] void run_janitor(const std::vector<Placeholder>& placeholders, int socket, int highest) {
  ::setsid();
  close_all_but(&socket, 1, highest);
  if (::chdir("/") != 0) ::_exit(1);
  std::vector<Held> all;
  const Message made = make_all(placeholders, all);
  send_raw(socket, &made, sizeof made);
  // Until the parent says so, or it and init are gone.
  Message word{};
  if (made.kind == MessageKind::started && receive_raw(socket, &word) != 0) ::nanosleep(&after_a_crash, nullptr);
  remove_all(all);
  ::_exit(0);
}

}  // namespace

Result<Janitor> Janitor::start(const std::vector<Placeholder>& placeholders) {
  Janitor janitor;
  if (placeholders.empty()) return janitor;
  if (const int error = fault_at(Step::make_placeholders); error != 0)
    return fail_errno(Step::make_placeholders, error, placeholders.front().path);
  SBX_ASSIGN(Channel channel, make_channel(false));
  int pidfd = -1;
  const int highest = highest_to_close() + 64;
  const pid_t pid = clone_process(CloneRequest{}, &pidfd);
  if (pid == 0) run_janitor(placeholders, channel.child.get(), highest);
  if (pid < 0) return fail_errno(Step::make_placeholders, -pid, "clone", "raise the limit of processes (ulimit -u)");
  janitor.pid_ = pid;
  janitor.pidfd_.reset(pidfd);
  janitor.lifeline_ = std::move(channel.parent);
  channel.child.reset();
  SBX_ASSIGN(const Received answer, receive(janitor.lifeline_.get(), patience_ms));
  if (!answer.closed && answer.message.kind == MessageKind::started) return janitor;
  const auto index = static_cast<std::size_t>(answer.message.index < 0 ? 0 : answer.message.index);
  const Placeholder& placeholder = placeholders[index < placeholders.size() ? index : 0];
  return fail_errno(Step::make_placeholders, answer.closed ? EPIPE : answer.message.error, cat(placeholder.path, " (", placeholder.origin, ")"),
                    answer.message.error == EEXIST ? "it came to be there while the sandbox was made: try again" : "");
}

Janitor::Janitor(Janitor&& other) noexcept
    : lifeline_(std::move(other.lifeline_)), pidfd_(std::move(other.pidfd_)), pid_(std::exchange(other.pid_, -1)) {}

Janitor& Janitor::operator=(Janitor&& other) noexcept {
  if (this != &other) {
    finish();
    lifeline_ = std::move(other.lifeline_);
    pidfd_ = std::move(other.pidfd_);
    pid_ = std::exchange(other.pid_, -1);
  }
  return *this;
}

void Janitor::finish() {
  if (pid_ < 0) return;
  Message message{};
  message.kind = MessageKind::acknowledge;
  static_cast<void>(send(lifeline_.get(), message));
  lifeline_.reset();
  pollfd entry{pidfd_.get(), POLLIN, 0};
  int ready = -1;
  do ready = ::poll(&entry, 1, patience_ms);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) pidfd_signal(pidfd_.get(), SIGKILL);
  siginfo_t info{};
  rusage usage{};
  static_cast<void>(wait_child(pidfd_.get(), pid_, &info, &usage));
  pid_ = -1;
}

}  // namespace sbx
