#include "kernel/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>

#include "base/text.h"
#include "spec/cgroup_values.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(1);
constexpr auto pause = std::chrono::milliseconds(2);
constexpr std::size_t largest_file = 1U << 20U;
constexpr int deepest = 16;  // sub-cgroups that a payload may have nested and sbx still removes
constexpr const char* launcher_leaf = "sbx-launcher";

UniqueFd open_at(int directory, const char* name, int flags) {
  int fd = -1;
  do fd = ::openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW);
  while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

Result<std::string> read_fd(int fd, const std::string& name) {
  std::string text;
  char buffer[4096];
  while (text.size() < largest_file) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(Step::make_cgroup, errno, cat("read ", name));
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<std::string> read_at(int directory, const char* file, const std::string& path) {
  const UniqueFd fd = open_at(directory, file, O_RDONLY);
  if (!fd) return fail_errno(Step::make_cgroup, errno, cat(path, "/", file));
  return read_fd(fd.get(), cat(path, "/", file));
}

// One write(2): a cgroup file takes its whole value at once. Returns 0 or errno.
int write_at(int directory, const char* file, std::string_view value) {
  const UniqueFd fd = open_at(directory, file, O_WRONLY);
  if (!fd) return errno;
  ssize_t done = -1;
  do done = ::write(fd.get(), value.data(), value.size());
  while (done < 0 && errno == EINTR);
  if (done < 0) return errno;
  return static_cast<std::size_t>(done) == value.size() ? 0 : EIO;
}

bool holds_dotdot(const std::string& path) {
  const auto pieces = split(path, '/');
  return std::ranges::find(pieces, "..") != pieces.end();
}

std::vector<std::string> subdirectories(int directory) {
  std::vector<std::string> names;
  const int fd = open_at(directory, ".", O_RDONLY | O_DIRECTORY).release();
  if (fd < 0) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
  if (!stream) return ::close(fd), names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

void remove_below(int directory, int depth) {
  if (depth >= deepest) return;
  for (const auto& name : subdirectories(directory)) {
    if (const UniqueFd child = open_at(directory, name.c_str(), O_RDONLY | O_DIRECTORY)) remove_below(child.get(), depth + 1);
    ::unlinkat(directory, name.c_str(), AT_REMOVEDIR);
  }
}

// SIGKILL to each member of the cgroup and of those below it; true where there was none. For kernels before 5.14.
bool kill_members(int directory, const std::string& path, int depth) {
  bool none = true;
  const auto members = read_at(directory, "cgroup.procs", path);
  for (const auto line : split(members ? *members : "", '\n')) {
    const auto pid = parse_number(line);
    // 0: a process that the caller's pid namespace doesn't show.
    if (!pid || *pid == 0 || static_cast<pid_t>(*pid) == ::getpid()) continue;
    none = false;
    // The pid may be another process's by now: the pidfd pins it down, and then its cgroup tells (pidfd_open(2)).
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(*pid), 0)));
    if (!process) continue;
    if (const auto now = cgroup_of(static_cast<pid_t>(*pid)); now && *now == path)
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
  }
  if (depth >= deepest) return none;
  for (const auto& name : subdirectories(directory))
    if (const UniqueFd child = open_at(directory, name.c_str(), O_RDONLY | O_DIRECTORY))
      none = kill_members(child.get(), cat(path, "/", name), depth + 1) && none;
  return none;
}

std::string command_of(pid_t pid) {
  const UniqueFd fd = open_at(AT_FDCWD, cat("/proc/", pid, "/comm").c_str(), O_RDONLY);
  if (!fd) return "?";
  return read_fd(fd.get(), "comm").value_or("?");
}

constexpr const char* delegate_hint =
    "give the unit Delegate=yes, or for the user's manager put [Service] Delegate=cpu cpuset io memory pids into "
    "/etc/systemd/system/user@.service.d/delegate.conf, and start it anew";

// Moves the caller out of `parent` into a leaf of it, if it is alone there.
Result<> move_caller_to_leaf(const Cgroup& parent) {
  SBX_ASSIGN(const auto members, parent.read("cgroup.procs"));
  for (const auto line : split(members, '\n')) {
    const auto pid = parse_number(line);
    if (!pid || static_cast<pid_t>(*pid) == ::getpid()) continue;
    // Moving processes that are not sbx's own would take them out of limits that somebody set for them.
    return fail(Step::make_cgroup, ErrorKind::host,
                cat("cgroup ", parent.path(), " holds process ", *pid, " (", command_of(static_cast<pid_t>(*pid)),
                    "), and a cgroup with processes can't pass its controllers on"),
                "give the unit DelegateSubgroup= (systemd 254), or start sbx with exec so that it is the unit's only "
                "process");
  }
  if (::mkdirat(parent.fd(), launcher_leaf, 0755) != 0 && errno != EEXIST)
    return fail_errno(Step::make_cgroup, errno, cat(parent.path(), "/", launcher_leaf), delegate_hint);
  const UniqueFd leaf = open_at(parent.fd(), launcher_leaf, O_RDONLY | O_DIRECTORY);
  if (!leaf) return fail_errno(Step::make_cgroup, errno, cat(parent.path(), "/", launcher_leaf));
  // "0" is the writer itself, whatever pid namespace it sits in (cgroups(7)).
  if (const int error = write_at(leaf.get(), "cgroup.procs", "0"); error != 0)
    return fail_errno(Step::make_cgroup, error, cat("move sbx into ", parent.path(), "/", launcher_leaf), delegate_hint);
  return {};
}

Result<> enable_controllers(const Cgroup& parent, const std::vector<std::string>& controllers) {
  SBX_ASSIGN(const auto available, parent.read("cgroup.controllers"));
  SBX_ASSIGN(const auto enabled, parent.read("cgroup.subtree_control"));
  std::string request;
  for (const auto& controller : controllers) {
    if (!lists_word(available, controller))
      return fail(Step::make_cgroup, ErrorKind::host,
                  cat("the ", controller, " controller is not delegated to cgroup ", parent.path()), delegate_hint);
    if (!lists_word(enabled, controller)) request += cat(request.empty() ? "+" : " +", controller);
  }
  if (request.empty()) return {};
  int error = write_at(parent.fd(), "cgroup.subtree_control", request);
  // EBUSY is the "no internal processes" rule. The kernel knows best whether it applies: it doesn't to the threaded
  // controllers (cpu, pids), nor at the hierarchy's root (cgroups(7)).
  if (error == EBUSY) {
    SBX_TRY(move_caller_to_leaf(parent));
    error = write_at(parent.fd(), "cgroup.subtree_control", request);
  }
  if (error == 0) return {};
  return fail_errno(Step::make_cgroup, error, cat("enable ", request, " in ", parent.path(), "/cgroup.subtree_control"),
                    delegate_hint);
}

}  // namespace

Result<std::string> cgroup_of(pid_t pid) {
  const std::string name = pid == 0 ? "/proc/self/cgroup" : cat("/proc/", pid, "/cgroup");
  const UniqueFd fd = open_at(AT_FDCWD, name.c_str(), O_RDONLY);
  if (!fd) return fail_errno(Step::make_cgroup, errno, name);
  SBX_ASSIGN(const auto text, read_fd(fd.get(), name));
  if (auto path = v2_path(text)) return *std::move(path);
  return fail(Step::make_cgroup, ErrorKind::host, cat(name, " names no cgroup of the v2 hierarchy"),
              "boot with systemd.unified_cgroup_hierarchy=1");
}

std::string cgroup_mount() {
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    struct statfs info = {};
    if (::statfs(path, &info) == 0 && static_cast<unsigned long>(info.f_type) == CGROUP2_SUPER_MAGIC) return path;
  }
  return {};
}

Result<Cgroup> Cgroup::open(const std::string& path) {
  const std::string mount = cgroup_mount();
  if (mount.empty())
    return fail(Step::make_cgroup, ErrorKind::host, "no cgroup v2 hierarchy is mounted at /sys/fs/cgroup",
                "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 there");
  // "/../x" is how /proc/PID/cgroup shows a process outside of the reader's cgroup namespace (cgroup_namespaces(7)).
  if (!path.starts_with('/') || holds_dotdot(path))
    return fail(Step::make_cgroup, ErrorKind::host, cat("cgroup ", path, " lies outside of the cgroup namespace"));
  Cgroup cgroup;
  cgroup.path_ = path;
  cgroup.directory_ = open_at(AT_FDCWD, (mount + path).c_str(), O_RDONLY | O_DIRECTORY);
  if (!cgroup.directory_) return fail_errno(Step::make_cgroup, errno, mount + path);
  return cgroup;
}

Result<> step_aside(const std::string& parent) {
  SBX_ASSIGN(const Cgroup above, Cgroup::open(parent));
  return move_caller_to_leaf(above);
}

Result<Cgroup> Cgroup::make(const std::string& parent, const std::string& name,
                            const std::vector<std::string>& controllers) {
  if (name.empty() || name.size() > 255 || name == "." || name == ".." || name == launcher_leaf ||
      name.find('/') != std::string::npos || name.find('\n') != std::string::npos)
    return fail(Step::make_cgroup, ErrorKind::internal, cat("'", name, "' can't name a cgroup"));
  SBX_ASSIGN(const Cgroup above, open(parent));
  SBX_TRY(enable_controllers(above, controllers));
  Cgroup cgroup;
  cgroup.path_ = cat(parent == "/" ? "" : parent, "/", name);
  if (::mkdirat(above.fd(), name.c_str(), 0755) != 0)
    return fail_errno(Step::make_cgroup, errno, cgroup.path_,
                      errno == EEXIST ? "choose another name, or end the sandbox that has it" : delegate_hint);
  cgroup.made_ = true;
  cgroup.directory_ = open_at(above.fd(), name.c_str(), O_RDONLY | O_DIRECTORY);
  if (!cgroup.directory_) {
    const int error = errno;
    ::unlinkat(above.fd(), name.c_str(), AT_REMOVEDIR);
    return fail_errno(Step::make_cgroup, error, cgroup.path_);
  }
  return cgroup;
}

Result<std::string> Cgroup::read(const char* file) const { return read_at(directory_.get(), file, path_); }

Result<> Cgroup::write(const char* file, const std::string& value) const {
  if (const int error = write_at(directory_.get(), file, value); error != 0)
    return fail_errno(Step::make_cgroup, error, cat("write ", value, " to ", path_, "/", file));
  return {};
}

CgroupStatistics Cgroup::statistics() const {
  CgroupStatistics statistics;
  const auto text = [&](const char* file) { return read(file).value_or(std::string()); };
  statistics.memory_peak = single_value(text("memory.peak"));  // 5.19
  statistics.memory_max = single_value(text("memory.max"));
  // oom_kill counts each process that was killed, those of a group kill included (cgroup-v2.rst).
  statistics.oom_kills = flat_keyed_value(text("memory.events"), "oom_kill");
  statistics.pids_peak = single_value(text("pids.peak"));  // 6.1
  statistics.pids_max_hits = flat_keyed_value(text("pids.events"), "max");
  const auto cpu = text("cpu.stat");
  statistics.cpu_usage_us = flat_keyed_value(cpu, "usage_usec");
  statistics.throttled_periods = flat_keyed_value(cpu, "nr_throttled");
  statistics.throttled_us = flat_keyed_value(cpu, "throttled_usec");
  const auto io = text("io.stat");
  statistics.io_read_bytes = nested_keyed_sum(io, "rbytes");
  statistics.io_write_bytes = nested_keyed_sum(io, "wbytes");
  return statistics;
}

Result<> Cgroup::kill() const {
  const int error = write_at(directory_.get(), "cgroup.kill", "1");
  if (error == 0 || error == ENODEV) return {};  // ENODEV: the cgroup is gone, and its processes with it
  if (error != ENOENT) return fail_errno(Step::monitor, error, cat("write 1 to ", path_, "/cgroup.kill"));
  const auto deadline = Clock::now() + patience;
  while (!kill_members(directory_.get(), path_, 0)) {
    if (Clock::now() > deadline)
      return fail_errno(Step::monitor, EBUSY, cat("processes of cgroup ", path_, " survive SIGKILL"));
    std::this_thread::sleep_for(pause);
  }
  return {};
}

Result<> Cgroup::remove() const {
  if (!made_) return {};
  const std::string full = cgroup_mount() + path_;
  const auto deadline = Clock::now() + patience;
  while (::rmdir(full.c_str()) != 0) {
    if (errno == ENOENT) return {};
    if (errno != EBUSY) return fail_errno(Step::monitor, errno, cat("remove cgroup ", path_));
    if (Clock::now() > deadline)
      return fail_errno(Step::monitor, EBUSY, cat("cgroup ", path_, " still holds processes"), "see its cgroup.procs");
    // A killed process leaves its cgroup only when it has been torn down.
    remove_below(directory_.get(), 0);
    std::this_thread::sleep_for(pause);
  }
  return {};
}

}  // namespace sbx
