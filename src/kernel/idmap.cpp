#include "kernel/idmap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "base/text.h"
#include "base/unique_fd.h"

namespace sbx {
namespace {

constexpr int helper_patience_ms = 10'000;

// One write(2): the kernel takes a map whole and once.
int write_file(const char* directory, const char* name, const char* text) {
  char path[64];
  const std::size_t head = std::strlen(directory), tail = std::strlen(name);
  if (head + tail + 2 > sizeof path) return -ENAMETOOLONG;
  std::memcpy(path, directory, head);
  path[head] = '/';
  std::memcpy(path + head + 1, name, tail + 1);
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  const std::size_t length = std::strlen(text);
  ssize_t done = -1;
  do done = ::write(fd, text, length);
  while (done < 0 && errno == EINTR);
  const int error = done < 0 ? -errno : static_cast<std::size_t>(done) == length ? 0 : -EIO;
  ::close(fd);
  return error;
}

Result<> run_helper(const char* program, pid_t pid, const std::vector<std::string>& ranges) {
  std::vector<std::string> words = {program, std::to_string(pid)};
  words.insert(words.end(), ranges.begin(), ranges.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  char path[] = "PATH=/usr/bin:/bin:/usr/sbin:/sbin";
  char* environment[] = {path, nullptr};
  pid_t child = 0;
  const std::string full = cat("/usr/bin/", program);
  if (const int error = ::posix_spawn(&child, full.c_str(), nullptr, nullptr, argv.data(), environment); error != 0)
    return fail_errno(Step::write_id_maps, error, full, "install the package uidmap, or set identity.subids = false");
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd entry{process.get(), POLLIN, 0};
  if (process && ::poll(&entry, 1, helper_patience_ms) <= 0) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Step::write_id_maps, ErrorKind::host, cat(full, " refused the ranges"),
              cat("see that /etc/", std::strcmp(program, "newuidmap") == 0 ? "subuid" : "subgid",
                  " has a range for this user, or set identity.subids = false"));
}

}  // namespace

int write_id_maps(const char* directory, bool deny_setgroups, const char* uid_map, const char* gid_map) {
  if (const int error = write_file(directory, "uid_map", uid_map); error != 0) return error;
  // An unprivileged gid_map is taken only once setgroups is denied (user_namespaces(7)).
  if (deny_setgroups)
    if (const int error = write_file(directory, "setgroups", "deny"); error != 0) return error;
  return write_file(directory, "gid_map", gid_map);
}

Result<> write_id_maps_by_helpers(pid_t pid, const std::vector<std::string>& uid_words,
                                  const std::vector<std::string>& gid_words) {
  SBX_TRY(run_helper("newuidmap", pid, uid_words));
  return run_helper("newgidmap", pid, gid_words);
}

}  // namespace sbx
