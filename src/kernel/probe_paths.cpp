#include "kernel/probe_paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/text.h"
#include "base/unique_fd.h"
#include "kernel/placeholder.h"

namespace sbx {
namespace {

constexpr int max_links = 40;  // as path_resolution(7)

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::regular;
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symlink;
  if (S_ISCHR(mode) || S_ISBLK(mode)) return FileKind::device;
  return FileKind::other;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

}  // namespace

bool PathProbe::is_canonical(const std::string& directory) {
  if (directory == "/") return true;
  if (const auto it = canonical_.find(directory); it != canonical_.end()) return it->second;
  bool canonical = false;
  if (const UniqueFd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); fd) {
    char text[PATH_MAX];
    const ssize_t length = ::readlink(cat("/proc/self/fd/", fd.get()).c_str(), text, sizeof text);
    canonical = length > 0 && directory == std::string_view(text, static_cast<std::size_t>(length));
  }
  canonical_.emplace(directory, canonical);
  return canonical;
}

PathFact PathProbe::look(const std::string& path) {
  if (path == "/" || !is_canonical(std::string(parent_path(path)))) return look_through(path);
  PathFact fact;
  struct stat status {};
  if (::fstatat(AT_FDCWD, path.c_str(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) fact.errno_value = errno;
    return fact;
  }
  if (S_ISLNK(status.st_mode)) return look_through(path);
  fact = {kind_of(status.st_mode), path, status.st_dev, status.st_ino, 0};
  return fact;
}

bool PathProbe::is_link(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), text, sizeof text);
  if (length <= 0) return false;
  links_[path].assign(text, static_cast<std::size_t>(length));
  return true;
}

PathFact PathProbe::look_through(const std::string& path) {
  PathFact fact;
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) {
    if (errno != ENOENT && errno != ENOTDIR) fact.errno_value = errno;
    record_links(path, {});
    return fact;
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    fact.errno_value = errno;
    return fact;
  }
  fact = {kind_of(status.st_mode), path, status.st_dev, status.st_ino, 0};
  char text[PATH_MAX];
  const ssize_t length = ::readlink(cat("/proc/self/fd/", fd.get()).c_str(), text, sizeof text);
  if (length > 0 && text[0] == '/')
    fact.real_path.assign(text, static_cast<std::size_t>(length));
  else if (const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free); real)
    fact.real_path = real.get();  // no /proc here
  if (fact.real_path != path) record_links(path, fact.real_path);
  return fact;
}

// Walks as the kernel would, but keeps what each symlink says: inside the sandbox the same link may lead elsewhere.
// `real_path`: where it leads to; empty where that isn't known.
void PathProbe::record_links(const std::string& path, std::string_view real_path) {
  std::vector<std::string> todo;  // last first
  const auto push = [&todo](std::string_view text) {
    const auto parts = split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) todo.emplace_back(*part);
  };
  push(path);
  std::string at;
  int followed = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    const std::string here = cat(at, "/", name);
    char text[PATH_MAX];
    const ssize_t length = ::readlink(here.c_str(), text, sizeof text);
    if (length < 0) {
      if (errno != EINVAL) return;  // absent or out of reach: nothing beyond it to see
      at = here;
      continue;
    }
    if (++followed > max_links) return;
    const std::string_view target(text, static_cast<std::size_t>(length));
    links_[here] = target;
    if (target.starts_with('/')) at.clear();
    push(target);
    // No link is left once what is still to be walked spells the real path.
    std::string rest = at;
    for (auto part = todo.rbegin(); part != todo.rend(); ++part) rest += cat("/", *part);
    if (rest == real_path) return;
  }
}

std::string canonical_name(const std::string& path) {
  std::string above = path, below;
  while (above.size() > 1) {
    if (const std::unique_ptr<char, decltype(&::free)> real(::realpath(above.c_str(), nullptr), &::free); real)
      return below.empty() ? real.get() : normalize_path(cat(real.get(), "/", below));
    const std::string parent(parent_path(above));
    const std::string name = above.substr(parent == "/" ? 1 : parent.size() + 1);
    below = below.empty() ? name : cat(name, "/", below);
    above = parent;
  }
  return path;
}

std::optional<std::vector<ListedName>> list_directory(const std::string& path) {
  std::vector<ListedName> names;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return std::nullopt;
  const Directory directory(::fdopendir(fd.get()));
  if (!directory) return std::nullopt;
  const int number = fd.release();
  while (const dirent* entry = ::readdir(directory.get())) {
    ListedName listed{.name = entry->d_name, .kind = FileKind::absent, .link = {}};
    if (listed.name == "." || listed.name == "..") continue;
    struct stat status {};
    if (::fstatat(number, entry->d_name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) continue;
    listed.kind = kind_of(status.st_mode);
    listed.dev = status.st_dev, listed.ino = status.st_ino;
    char text[PATH_MAX];
    if (listed.kind == FileKind::symlink) {
      const ssize_t length = ::readlinkat(number, entry->d_name, text, sizeof text);
      if (length <= 0) continue;
      listed.link.assign(text, static_cast<std::size_t>(length));
    }
    names.push_back(std::move(listed));
  }
  std::sort(names.begin(), names.end(), [](const ListedName& a, const ListedName& b) { return a.name < b.name; });
  return names;
}

void find_private_paths(const std::string& tree, std::vector<std::string>& found, std::size_t limit) {
  struct stat top {};
  if (::fstatat(AT_FDCWD, tree.c_str(), &top, AT_NO_AUTOMOUNT) != 0 || !S_ISDIR(top.st_mode)) return;
  std::vector<std::string> todo{tree};
  std::size_t seen = 0;
  while (!todo.empty()) {
    const std::string path = std::move(todo.back());
    todo.pop_back();
    if (seen > limit) {
      if (path != tree) found.push_back(path);
      continue;
    }
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) continue;
    const Directory directory(::fdopendir(fd.get()));
    if (!directory) continue;
    const int number = fd.release();
    while (const dirent* entry = ::readdir(directory.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == ".." || entry->d_type == DT_LNK) continue;
      ++seen;
      struct stat status {};
      if (::fstatat(number, entry->d_name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) continue;
      const bool is_directory = S_ISDIR(status.st_mode);
      if (!is_directory && !S_ISREG(status.st_mode)) continue;
      const mode_t needed = is_directory ? S_IXOTH : S_IROTH;
      if ((status.st_mode & needed) == 0)
        found.push_back(cat(path, "/", name));
      else if (is_directory && status.st_dev == top.st_dev)
        todo.push_back(cat(path, "/", name));
    }
  }
  std::sort(found.begin(), found.end());
}

}  // namespace sbx
