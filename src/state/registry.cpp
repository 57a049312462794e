#include "state/registry.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <thread>

#include "base/text.h"
#include "kernel/kernel_file.h"
#include "kernel/runtime_directory.h"

namespace sbx {
namespace {

constexpr std::string_view entry_suffix = ".json";
constexpr std::string_view details_suffix = ".details.json";
constexpr std::size_t largest_entry = 1U << 20U;  // a command may be long
// A temporary file is somebody's work of a moment; one this old was left behind.
constexpr std::time_t left_behind_s = 60;

std::unexpected<Error> no_directory(std::string what, std::string hint, int error = 0) {
  return fail(Error{Step::find_sandbox, ErrorKind::host, error, std::move(what), std::move(hint)});
}

Result<UniqueFd> open_own_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return no_directory(path, cat("make ", parent_path(path), " a directory that you can write"), errno);
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return no_directory(path, "move it away: it is to be a directory of your own", errno);
  struct stat facts {};
  if (::fstat(directory.get(), &facts) != 0) return no_directory(path, {}, errno);
  if (facts.st_uid != ::geteuid()) return no_directory(cat(path, " belongs to another user"), "move it away");
  if ((facts.st_mode & 077U) != 0)
    return no_directory(cat(path, " is open to other users"), cat("chmod 700 ", path));
  return directory;
}

std::vector<std::string> names_in(int directory) {
  std::vector<std::string> names;
  const int fd = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
  if (!stream) return ::close(fd), names;
  while (const dirent* entry = ::readdir(stream.get())) names.emplace_back(entry->d_name);
  return names;
}

bool ends_as(std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) && is_sandbox_id(name.substr(0, name.size() - suffix.size()));
}

UniqueFd open_own_file(int directory, const std::string& name, struct stat& facts) {
  UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fd && (::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != ::geteuid())) fd.reset();
  return fd;
}

std::optional<std::string> read_whole(int fd, std::size_t limit) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() <= limit) {
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return std::nullopt;
}

bool write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::int64_t lock_holder(int fd) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_GETLK, &lock) != 0) return -1;
  if (lock.l_type == F_UNLCK) return 0;
  return lock.l_pid > 0 ? lock.l_pid : -1;
}

// The process that the entry names as init is still there: it dies a moment after its launcher.
bool init_remains(const SandboxEntry& entry) {
  if (entry.boot_id != boot_id() || entry.pid_namespace != own_pid_namespace()) return false;
  const auto stat = parse_process_stat(read_kernel_file(cat("/proc/", entry.init, "/stat")));
  return stat && stat->start_time == entry.start_time && stat->state != 'Z' && stat->state != 'X';
}

}  // namespace

const std::string& boot_id() {
  static const std::string id = [] {
    auto text = read_kernel_file("/proc/sys/kernel/random/boot_id");
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }();
  return id;
}

std::uint64_t own_pid_namespace() {
  static const std::uint64_t inode = [] {
    struct stat facts {};
    return ::stat("/proc/self/ns/pid", &facts) == 0 ? facts.st_ino : 0;
  }();
  return inode;
}

Result<Registry> Registry::open() {
  auto candidates = runtime_directories();
  // Who names a place means that place.
  if (std::getenv("SBX_RUNTIME_DIR") != nullptr && candidates.size() > 1) candidates.resize(1);
  if (candidates.empty())
    return no_directory(cat("XDG_RUNTIME_DIR isn't set, and there is no /run/user/", ::geteuid()),
                        "log in through pam_systemd, or set XDG_RUNTIME_DIR to a directory of your own, mode 700");
  std::optional<Error> first;
  for (auto& path : candidates) {
    auto directory = open_own_directory(path);
    if (directory) {
      Registry registry;
      registry.directory_ = *std::move(directory);
      registry.path_ = std::move(path);
      return registry;
    }
    if (!first) first = std::move(directory).error();
  }
  return fail(*std::move(first));
}

std::vector<std::string> Registry::ids() const {
  std::vector<std::string> found;
  for (const auto& name : names_in(fd()))
    if (ends_as(name, entry_suffix)) found.push_back(name.substr(0, id_length));
  std::ranges::sort(found);
  return found;
}

std::optional<RegistryFile> Registry::read(const std::string& id) const {
  RegistryFile file{id, {}, 0, {}, {}};
  struct stat facts {};
  file.fd = open_own_file(fd(), cat(id, entry_suffix), facts);
  if (!file.fd) return std::nullopt;
  file.holder = lock_holder(file.fd.get());
  const auto text = read_whole(file.fd.get(), largest_entry);
  auto entry = text ? parse_entry(*text) : Result<SandboxEntry>(fail_errno(Step::find_sandbox, EFBIG, "it can't be read"));
  if (!entry) file.fault = entry.error().what;
  else if (entry->id != id) file.fault = "its \"id\" is another's";
  else file.entry = *std::move(entry);
  return file;
}

bool Registry::sweep(const RegistryFile& file) const {
  if (file.holder != 0 || (file.entry && init_remains(*file.entry))) return false;
  remove(file.id);
  return true;
}

void Registry::sweep(std::size_t at_most, std::string_view but) const {
  const auto names = names_in(fd());
  if (names.empty()) return;
  std::uint32_t start = 0;
  if (::getrandom(&start, sizeof start, GRND_NONBLOCK) != sizeof start) start = 0;
  const auto now = ::time(nullptr);
  for (std::size_t i = 0; i < names.size() && at_most > 0; ++i) {
    const auto& name = names[(start + i) % names.size()];
    if (ends_as(name, entry_suffix)) {
      const auto id = name.substr(0, id_length);
      --at_most;
      if (id == but) continue;
      struct stat facts {};
      const auto file = open_own_file(fd(), name, facts);
      // Mostly it is held, which costs less to see than what it says.
      if (!file || lock_holder(file.get()) != 0) continue;
      if (const auto whole = read(id)) sweep(*whole);
      continue;
    }
    const bool details = ends_as(name, details_suffix);
    if (!details && (!name.starts_with('.') || !name.ends_with(".new"))) continue;
    --at_most;
    struct stat facts {};
    if (::fstatat(fd(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0 || now - facts.st_mtime < left_behind_s) continue;
    if (details && ::faccessat(fd(), cat(name.substr(0, id_length), entry_suffix).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) continue;
    ::unlinkat(fd(), name.c_str(), 0);
  }
}

void Registry::remove(const std::string& id) const {
  for (const std::string_view suffix : {std::string_view(".attach"), std::string_view(".net"), details_suffix, entry_suffix})
    ::unlinkat(fd(), cat(id, suffix).c_str(), 0);
}

Result<UniqueFd> Registry::write(const std::string& name, std::string_view text, bool hold) const {
  const auto where = cat(path_, "/", name);
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) return fail_errno(Step::register_sandbox, errno, "getrandom");
  const auto temporary = cat(".", name, ".", random, ".new");
  UniqueFd file(::openat(fd(), temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return fail_errno(Step::register_sandbox, errno, where, "make room, and see that it can be written");
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool written = (!hold || ::fcntl(file.get(), F_SETLK, &lock) == 0) && write_whole(file.get(), text) &&
                       ::renameat(fd(), temporary.c_str(), fd(), name.c_str()) == 0;
  if (written) return file;
  const int error = errno;
  ::unlinkat(fd(), temporary.c_str(), 0);
  return fail_errno(Step::register_sandbox, error, where, "make room, and see that it can be written");
}

std::optional<std::string> Registry::read_file(const std::string& name, std::size_t limit) const {
  struct stat facts {};
  const auto file = open_own_file(fd(), name, facts);
  return file ? read_whole(file.get(), limit) : std::nullopt;
}

Result<UniqueFd> Registry::lock(std::chrono::milliseconds patience) const {
  // Of its own open file description: the lock belongs to that (flock(2)).
  UniqueFd directory(::openat(fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail_errno(Step::register_sandbox, errno, path_);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno(Step::register_sandbox, errno, cat("lock ", path_));
    if (std::chrono::steady_clock::now() > deadline)
      return fail(Step::register_sandbox, ErrorKind::host, cat("another sbx holds the lock on ", path_), "see which one is stopped, and end it");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return directory;
}

}  // namespace sbx
