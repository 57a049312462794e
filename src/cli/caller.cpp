#include "cli/caller.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <optional>

#include "base/text.h"
#include "base/unique_fd.h"

extern char** environ;

namespace sbx {
namespace {

struct PasswdEntry {
  std::string name, home;
};

std::optional<PasswdEntry> entry_of_line(std::string_view line, std::string_view uid) {
  const auto fields = split(line, ':');
  if (fields.size() < 7 || fields[2] != uid) return std::nullopt;
  return PasswdEntry{std::string(fields[0]), std::string(fields[5])};
}

// /etc/passwd read directly: getpwuid(3) loads the name service's modules, which takes longer than the rest of the
// preparation together. It is asked only for users who aren't in the file.
std::optional<PasswdEntry> read_passwd_file(std::uint32_t uid) {
  const UniqueFd file(::open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return std::nullopt;
  const auto wanted = std::to_string(uid);
  std::string pending;
  std::array<char, 4096> buffer;
  while (true) {
    const auto size = ::read(file.get(), buffer.data(), buffer.size());
    if (size <= 0) return entry_of_line(pending, wanted);
    pending.append(buffer.data(), static_cast<std::size_t>(size));
    std::size_t start = 0;
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', start)) {
      if (auto entry = entry_of_line(std::string_view(pending).substr(start, end - start), wanted)) return entry;
      start = end + 1;
    }
    pending.erase(0, start);
    if (pending.size() > 65536) return std::nullopt;  // no line of a passwd file is that long
  }
}

std::optional<PasswdEntry> ask_name_service(std::uint32_t uid) {
  std::array<char, 16384> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return std::nullopt;
  return PasswdEntry{entry.pw_name, entry.pw_dir};
}

std::string absolute_variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const auto& variable : environment)
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=') {
      const auto value = std::string_view(variable).substr(name.size() + 1);
      return value.starts_with('/') ? normalize_path(value) : std::string();
    }
  return {};
}

std::string working_directory() {
  std::array<char, PATH_MAX> buffer;
  // A directory outside of the root directory comes as "(unreachable)/..." (getcwd(3)).
  if (::getcwd(buffer.data(), buffer.size()) == nullptr || buffer[0] != '/') return {};
  return buffer.data();
}

}  // namespace

CallerContext read_caller() {
  CallerContext caller;
  caller.uid = ::geteuid();
  caller.gid = ::getegid();
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    caller.environment.emplace_back(*variable);
  auto entry = read_passwd_file(caller.uid);
  if (!entry) entry = ask_name_service(caller.uid);
  if (entry) caller.user_name = entry->name;
  caller.home = absolute_variable(caller.environment, "HOME");
  if (caller.home.empty() && entry && entry->home.starts_with('/')) caller.home = normalize_path(entry->home);
  caller.runtime_dir = absolute_variable(caller.environment, "XDG_RUNTIME_DIR");
  caller.state_dir = absolute_variable(caller.environment, "XDG_STATE_HOME");
  if (caller.state_dir.empty() && !caller.home.empty()) caller.state_dir = cat(caller.home, "/.local/state");
  if (!caller.state_dir.empty()) caller.state_dir += "/sbx";
  caller.cwd = working_directory();
  return caller;
}

std::string filter_cache_directory(const CallerContext& caller) {
  const auto runtime = caller.runtime_dir.empty() ? cat("/run/user/", caller.uid) : caller.runtime_dir;
  // One that isn't there yet is nothing to make: whoever set it to that has no session.
  struct stat status {};
  const bool is_ours = ::stat(runtime.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == caller.uid;
  return is_ours ? cat(runtime, "/sbx/filters") : std::string();
}

}  // namespace sbx
