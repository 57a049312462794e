#include "cli/shim.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/unique_fd.h"
#include "cli/caller.h"
#include "cli/output.h"
#include "cli/shim_script.h"
#include "profile/load.h"

namespace sbx {
namespace {

Result<std::string> absolute(const std::string& path) {
  if (path.starts_with('/')) return normalize_path(path);
  const auto cwd = read_caller().cwd;
  if (cwd.empty()) return fail(usage_error(cat(path, ": there is no current directory"), "name it by an absolute path"));
  return normalize_path(cat(cwd, "/", path));
}

std::string value_of(const ParsedLine& line, std::string_view name) {
  std::string value;
  for (const auto& option : line.options)
    if (option.option->name == name) value = option.value;
  return value;
}

Result<std::string> directory_of(const ParsedLine& line) {
  if (const auto given = value_of(line, "dir"); !given.empty()) return absolute(given);
  const auto home = read_caller().home;
  if (home.empty()) return fail(usage_error("there is no home directory for ~/.local/bin", "name the directory: --dir DIR"));
  return cat(home, "/.local/bin");
}

// The wrapper that `path` is, where it is one: a regular file, no link to one.
std::optional<Shim> read_shim(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  char text[2 * PATH_MAX];
  const auto size = ::read(file.get(), text, sizeof text);
  return size > 0 ? parse_shim({text, static_cast<std::size_t>(size)}) : std::nullopt;
}

bool is_program(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::vector<std::string> search_path() {
  const char* path = std::getenv("PATH");
  std::vector<std::string> directories;
  // An empty or relative part means another directory at each call.
  for (const auto part : split(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin", ':'))
    if (part.starts_with('/')) directories.push_back(normalize_path(part));
  return directories;
}

std::string own_path() {
  char path[PATH_MAX];
  const auto size = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string own(path, size > 0 ? static_cast<std::size_t>(size) : 0);
  return own.starts_with('/') && ::access(own.c_str(), X_OK) == 0 ? own : "sbx";
}

// The program behind `word`, past wrappers: of this directory or of another.
Result<std::string> find_program(const std::string& word, const std::string& directory) {
  if (word.find('/') != std::string::npos) {
    SBX_ASSIGN(auto path, absolute(word));
    if (read_shim(path)) return fail(usage_error(cat(path, " is a wrapper itself"), "name the program that is to run"));
    if (!is_program(path)) return fail(usage_error(cat(path, " is no program"), "name one that can be executed"));
    return path;
  }
  for (const auto& place : search_path()) {
    auto path = cat(place, "/", word);
    if (place != directory && is_program(path) && !read_shim(path)) return path;
  }
  return fail(usage_error(cat("no program ", word, " is in PATH"), "install it first, or name it by its path"));
}

Result<std::string> find_profile(const std::string& given, const std::string& name) {
  const bool is_path = given.find('/') != std::string::npos || given.ends_with(".toml");
  std::string profile = given.empty() ? name : given;
  if (is_path) {
    SBX_ASSIGN(profile, absolute(given));
  }
  const auto known = list_profiles();
  if (given.empty() && std::ranges::find(known, name, &ProfileLocation::name) == known.end())
    return fail(usage_error(cat("no profile is named ", name), cat("name one: sbx shim install ", name, " --profile untrusted")));
  SBX_TRY(load_profile(profile));
  return profile;
}

Result<> write_shim(const std::string& path, const std::string& script) {
  constexpr auto cannot = "make the directory writable, or name another: --dir DIR";
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0 && !read_shim(path))
    return fail(Step::parse_options, ErrorKind::usage, cat(path, " is there and is no wrapper of sbx"),
                "move it away, or name another directory: --dir DIR");
  // Renamed over the old one when it is whole: whoever calls it meanwhile finds one of the two.
  const auto temporary = cat(path, ".new-", ::getpid());
  UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755));
  if (!file) return fail_errno(Step::parse_options, errno, temporary, cannot);
  auto written = write_all(file.get(), script, temporary);
  // link(2) never replaces, should another file have come meanwhile.
  if (written && (read_shim(path) ? ::rename(temporary.c_str(), path.c_str()) : ::link(temporary.c_str(), path.c_str())) != 0)
    written = fail_errno(Step::parse_options, errno, path, cannot);
  ::unlink(temporary.c_str());
  return written;
}

void tell_about_path(const std::string& directory, const std::string& name, const std::string& program) {
  const auto path = search_path();
  const auto own = std::ranges::find(path, directory);
  if (own == path.end()) return complain(cat(directory, " isn't in PATH: put it first, as in PATH=", directory, ":$PATH"));
  for (auto place = path.begin(); place != own; ++place)
    if (is_program(cat(*place, "/", name)))
      return complain(cat("PATH finds ", *place, "/", name, " before the wrapper of ", program, ": put ", directory, " first"));
}

}  // namespace

Result<int> shim_install_command(const ParsedLine& line) {
  if (line.words.empty()) return fail(usage_error("no program is named", "sbx shim install NAME"));
  SBX_ASSIGN(const auto directory, directory_of(line));
  const auto own = own_path();
  for (const auto& word : line.words) {
    const auto name = word.substr(word.rfind('/') + 1);
    if (!is_shim_name(name)) return fail(usage_error(cat(word, " is no program's name")));
    SBX_ASSIGN(const auto program, find_program(word, directory));
    std::error_code ignored;
    if (name == "sbx" || std::filesystem::equivalent(program, own, ignored))
      return fail(usage_error(cat(word, " is sbx itself"), "wrap the programs that it is to run"));
    SBX_ASSIGN(const auto profile, find_profile(value_of(line, "profile"), name));
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return fail_errno(Step::parse_options, error.value(), directory, "name another directory: --dir DIR");
    SBX_TRY(write_shim(cat(directory, "/", name), shim_script({profile, program}, own)));
    SBX_TRY(print(cat(escape_control(cat(directory, "/", name, ": ", program, " under ", profile)), "\n")));
    tell_about_path(directory, name, program);
  }
  return 0;
}

Result<int> shim_list_command(const ParsedLine& line) {
  if (!line.words.empty()) return fail(usage_error(cat("unexpected word ", line.words[0])));
  SBX_ASSIGN(const auto directory, directory_of(line));
  std::vector<std::pair<std::string, Shim>> shims;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    if (auto shim = read_shim(at->path())) shims.emplace_back(at->path().filename(), *std::move(shim));
  std::ranges::sort(shims, {}, [](const auto& one) { return one.first; });
  auto list = nlohmann::ordered_json::array();
  std::string table;
  for (const auto& [name, shim] : shims) {
    const bool present = is_program(shim.program);
    list.push_back(nlohmann::ordered_json{{"name", name}, {"profile", shim.profile}, {"program", shim.program},
                                          {"path", cat(directory, "/", name)}, {"present", present}});
    auto row = escape_control(name);
    row.resize(std::max<std::size_t>(row.size(), 15), ' ');
    row += cat(" ", escape_control(shim.profile));
    row.resize(std::max<std::size_t>(row.size(), 31), ' ');
    table += cat(row, " ", escape_control(shim.program), present ? "" : " (gone)", "\n");
  }
  if (line.has("json")) table = list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  else table = cat("NAME            PROFILE         PROGRAM\n", table);
  SBX_TRY(print(table));
  return 0;
}

Result<int> shim_remove_command(const ParsedLine& line) {
  if (line.words.empty()) return fail(usage_error("no wrapper is named", "sbx shim list shows them"));
  SBX_ASSIGN(const auto directory, directory_of(line));
  for (const auto& name : line.words) {
    const auto path = cat(directory, "/", name);
    if (!is_shim_name(name) || !read_shim(path))
      return fail(usage_error(cat(path, " is no wrapper of sbx"), "sbx shim list shows them"));
    if (::unlink(path.c_str()) != 0) return fail_errno(Step::parse_options, errno, path);
  }
  return 0;
}

}  // namespace sbx
