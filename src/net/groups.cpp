#include "net/groups.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <set>

#include "base/text.h"
#include "base/unique_fd.h"
#include "egress/group_text.h"
#include "egress/rules.h"
#include "kernel/kernel_file.h"

namespace sbx {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto tool_patience = std::chrono::seconds(10);
constexpr std::size_t most_output = 1024UL * 1024;

// What `words` print; empty where there is no such tool, it fails, or takes too long.
std::string ask_tool(std::vector<std::string> words, const std::string& directory) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  UniqueFd read(ends[0]), write(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, write.get(), 1);
  ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  write.reset();
  if (error != 0) return {};
  std::string out;
  std::array<char, 65536> buffer;
  for (const auto deadline = Clock::now() + tool_patience; out.size() < most_output;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd entry{read.get(), POLLIN, 0};
    const int ready = left > 0 ? ::poll(&entry, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    const auto count = ready > 0 ? ::read(read.get(), buffer.data(), buffer.size()) : -1;
    if (count == 0) break;
    if (count < 0) {
      out.clear();
      ::kill(pid, SIGKILL);
      break;
    }
    out.append(buffer.data(), static_cast<std::size_t>(count));
  }
  if (out.size() >= most_output) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? out : std::string();
}

class Finder {
 public:
  Finder(Group& group, const GroupCaller& caller) : group_(group), caller_(caller) {}

  void url(std::string_view url, const std::string& source) {
    if (auto rule = rule_of_url(url)) this->rule(*std::move(rule), source);
  }
  void urls(std::string_view text, const std::string& source) {
    for (const auto& one : urls_in(text)) url(one, source);
  }
  void rule(std::string rule, const std::string& source) {
    if (seen_.insert(rule).second) group_.rules.push_back({std::move(rule), source});
  }
  void variables(std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (const auto found = caller_.environment.find(name); found != caller_.environment.end()) urls(found->second, cat("$", name));
  }
  void tool(const std::vector<std::string>& words, const std::string& directory = "/") { urls(ask_tool(words, directory), join(words, " ")); }

 private:
  Group& group_;
  const GroupCaller& caller_;
  std::set<std::string> seen_;
};

void find_apt(Finder& finder) {
  std::error_code ignored;
  for (const auto& url : apt_list_urls(read_kernel_file("/etc/apt/sources.list"))) finder.url(url, "/etc/apt/sources.list");
  for (const auto& file : fs::directory_iterator("/etc/apt/sources.list.d", ignored)) {
    const std::string path = file.path();
    const auto text = read_kernel_file(path);
    if (path.ends_with(".list"))
      for (const auto& url : apt_list_urls(text)) finder.url(url, path);
    if (path.ends_with(".sources"))
      for (const auto& url : apt_deb822_urls(text)) finder.url(url, path);
  }
  for (const auto line : split(ask_tool({"apt-config", "dump"}, "/"), '\n'))
    if (line.starts_with("Acquire::") && line.find("roxy") != line.npos) finder.urls(line, "apt-config dump");
}

void find_pip(Finder& finder) {
  finder.variables({"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_PROXY"});
  finder.tool({"python3", "-m", "pip", "config", "list"});
  // What it takes by itself, in its own words: they have no other place.
  const std::string own = ask_tool({"python3", "-c", "from pip._internal.models.index import PyPI as i; print(i.simple_url, 'https://' + i.file_storage_domain)"}, "/");
  finder.urls(own, "pip's own default");
}

// The indexes that cargo has used or is told of; an index says where its packages are.
void find_cargo(Finder& finder, const GroupCaller& caller) {
  const auto set = caller.environment.find("CARGO_HOME");
  const std::string home = set != caller.environment.end() ? set->second : caller.home + "/.cargo";
  for (const char* name : {"config.toml", "config"}) finder.urls(read_kernel_file(cat(home, "/", name)), cat(home, "/", name));
  std::error_code ignored;
  for (const auto& index : fs::directory_iterator(home + "/registry/index", ignored)) {
    const std::string name = index.path().filename();
    if (auto rule = rule_of_url(cat("https://", name.substr(0, name.rfind('-')))); rule && name.rfind('-') != name.npos) finder.rule(*std::move(rule), index.path());
    finder.urls(read_kernel_file(index.path() / "config.json"), index.path() / "config.json");
  }
}

void find_go(Finder& finder) {
  finder.variables({"GOPROXY"});
  finder.tool({"go", "env", "GOPROXY"});
  const auto sums = ask_tool({"go", "env", "GOSUMDB"}, "/");
  if (auto rule = rule_of_url(cat("https://", sums.substr(0, sums.find_first_of("+ \n")))); rule && !sums.starts_with("off")) finder.rule(*std::move(rule), "go env GOSUMDB");
}

void find_git(Finder& finder, const GroupCaller& caller) {
  for (const auto line : split(ask_tool({"git", "remote", "-v"}, caller.directory), '\n')) {
    const auto tab = line.find('\t');
    if (tab != line.npos) finder.url(line.substr(tab + 1, line.find(' ', tab) - tab - 1), cat("git remote ", line.substr(0, tab)));
  }
  finder.tool({"git", "config", "--get", "http.proxy"}, caller.directory);
  for (const auto line : split(ask_tool({"git", "config", "--file", ".gitmodules", "--get-regexp", "url$"}, caller.directory), '\n'))
    if (const auto blank = line.find(' '); blank != line.npos) finder.url(line.substr(blank + 1), ".gitmodules");
}

struct BuiltIn {
  const char* name;
  const char* lacking;
};
constexpr BuiltIn built_in[] = {
    {"apt", "name a source in /etc/apt/sources.list.d"},
    {"cargo", "run cargo once outside, or name a registry in ~/.cargo/config.toml: what cargo takes by itself isn't known to sbx"},
    {"git", "call sbx within a repository that has a remote"},
    {"go", "install go, or set GOPROXY: what go takes by itself isn't known to sbx"},
    {"npm", "install npm, or set npm_config_registry: what npm takes by itself isn't known to sbx"},
    {"pip", "install pip for python3, or set PIP_INDEX_URL: what pip takes by itself isn't known to sbx"},
};

std::vector<std::string> own_directories(const GroupCaller& caller) { return {caller.config_home + "/sbx/allow.d", "/etc/sbx/allow.d"}; }

}  // namespace

GroupCaller group_caller() {
  GroupCaller out;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text = *one;
    if (const auto equals = text.find('='); equals != text.npos) out.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  out.home = out.environment["HOME"];
  const auto& config = out.environment["XDG_CONFIG_HOME"];
  out.config_home = config.empty() ? out.home + "/.config" : config;
  std::error_code error;
  out.directory = fs::current_path(error);
  return out;
}

std::vector<std::string> group_names(const GroupCaller& caller) {
  std::set<std::string> out;
  for (const auto& one : built_in) out.insert(one.name);
  std::error_code ignored;
  for (const auto& directory : own_directories(caller))
    for (const auto& file : fs::directory_iterator(directory, ignored))
      if (file.is_regular_file(ignored)) out.insert(file.path().filename());
  return {out.begin(), out.end()};
}

Result<Group> work_out_group(const std::string& name, const GroupCaller& caller) {
  Group out{name, {}, {}};
  Finder finder(out, caller);
  std::error_code ignored;
  for (const auto& directory : own_directories(caller)) {
    const auto path = cat(directory, "/", name);
    if (name.find('/') != name.npos || !fs::is_regular_file(path, ignored)) continue;
    SBX_ASSIGN(auto rules, read_group_file(read_kernel_file(path), path));
    for (auto& rule : rules) finder.rule(std::move(rule), path);
    if (rules.empty()) out.lacking = cat("write a rule a line into ", path);
    return out;
  }
  const auto* known = std::ranges::find_if(built_in, [&](const BuiltIn& one) { return one.name == name; });
  if (known == std::end(built_in)) {
    const auto names = group_names(caller);
    const auto near = nearest(name, {names.begin(), names.end()});
    return fail(Step::lower_profile, ErrorKind::profile, cat("there is no group @", name), near ? cat("did you mean @", *near, "?") : cat("write its rules into ", own_directories(caller)[0], "/", name));
  }
  if (name == "apt") find_apt(finder);
  if (name == "pip") find_pip(finder);
  if (name == "cargo") find_cargo(finder, caller);
  if (name == "go") find_go(finder);
  if (name == "git") find_git(finder, caller);
  if (name == "npm") {
    finder.variables({"npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_proxy", "npm_config_https_proxy"});
    // A project's own .npmrc is what a sandbox may have written: not asked from within it.
    finder.tool({"npm", "config", "get", "registry"});
    finder.urls(read_kernel_file(caller.home + "/.npmrc"), caller.home + "/.npmrc");
  }
  if (out.rules.empty()) out.lacking = known->lacking;
  else finder.variables({"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  return out;
}

Result<> expand_groups(std::vector<AllowSpec>& entries, const GroupCaller& caller) {
  std::vector<AllowSpec> out;
  for (auto& entry : entries) {
    if (!entry.text.starts_with('@')) {
      out.push_back(std::move(entry));
      continue;
    }
    auto group = work_out_group(entry.text.substr(1), caller);
    if (!group) {
      group.error().what = cat(entry.origin, ": ", group.error().what);
      return fail(std::move(group).error());
    }
    if (group->rules.empty()) return fail(Step::lower_profile, ErrorKind::host, cat(entry.origin, ": ", entry.text, " stands for nothing here"), group->lacking);
    for (auto& rule : group->rules) out.push_back({std::move(rule.rule), cat(entry.origin, ", ", entry.text, ": ", rule.source)});
  }
  entries = std::move(out);
  return {};
}

}  // namespace sbx
