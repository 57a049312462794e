#include "launch/child_program.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "kernel/descriptors.h"

namespace sbx {
namespace {

constexpr std::string_view default_path = "/usr/local/bin:/usr/bin:/bin";
constexpr std::size_t room_for_pid = 12;
constexpr std::ptrdiff_t most_secrets = 16 << 20;  // argv and environment: at most a quarter of the stack's limit

std::string id_map_text(const std::vector<IdMap>& maps) {
  std::string text;
  for (const auto& map : maps) text += cat(map.inside, ' ', map.outside, ' ', map.count, '\n');
  return text;
}

// An unprivileged process may map itself: one id, its own effective one, with setgroups denied (user_namespaces(7)).
// That saves a round trip to the parent.
bool may_map_itself(const IdPlan& ids) {
  const auto own = [](const std::vector<IdMap>& map, std::uint32_t id) {
    return map.size() == 1 && map[0].count == 1 && map[0].outside == id;
  };
  return !ids.helpers && ids.deny_setgroups && own(ids.uid_map, ::geteuid()) && own(ids.gid_map, ::getegid());
}

// As execvp(3): the payload's own PATH, an empty entry is the working directory. Where PATH is unset, libc's default
// without the current directory.
std::vector<std::string> candidates(const std::string& command, const std::vector<std::string>& environment) {
  if (command.find('/') != std::string::npos) return {command};
  std::string_view path = default_path;
  for (const std::string_view entry : environment)
    if (entry.starts_with("PATH=")) path = entry.substr(5);
  std::vector<std::string> found;
  for (const auto directory : split(path, ':'))
    found.push_back(directory.empty() ? cat("./", command) : cat(directory, "/", command));
  return found;
}

// The kernel lays argv, the environment and the program's path out in this order at the top of the stack
// (Documentation/filesystems/proc.rst has their bounds as arg_start to env_end).
void find_secrets(ChildProgram& program) {
  char* const begin = ::program_invocation_name;
  char* const end = reinterpret_cast<char*>(::getauxval(AT_EXECFN));
  if (begin == nullptr || end == nullptr || end <= begin || end - begin > most_secrets) return;
  program.secrets_begin = begin;
  program.secrets_end = end + std::strlen(end);
}

// More than one thread could hold a lock that the child then waits for for ever.
Result<> require_one_thread() {
  struct stat facts {};
  // The link count of /proc/self/task is 2 and one for each thread; without /proc there is nothing to ask.
  if (::stat("/proc/self/task", &facts) == 0 && facts.st_nlink > 3)
    return fail(Step::clone_init, ErrorKind::internal, "the launcher has more than one thread");
  return {};
}

}  // namespace

Result<ChildProgram> make_child_program(const LaunchPlan& plan) {
  SBX_TRY(require_one_thread());
  ChildProgram program;
  program.plan = &plan;
  if (const auto* request = std::get_if<ScopeRequest>(&plan.cgroup)) program.scope = &request->name;
  program.new_user_namespace = (plan.clone_flags & CLONE_NEWUSER) != 0;
  program.new_pid_namespace = (plan.clone_flags & CLONE_NEWPID) != 0;
  program.new_mount_namespace = (plan.clone_flags & CLONE_NEWNS) != 0;
  if (program.new_user_namespace) {
    program.uid_map = id_map_text(plan.ids.uid_map);
    program.gid_map = id_map_text(plan.ids.gid_map);
    program.maps_itself = may_map_itself(plan.ids);
    program.waits_for_maps = !program.maps_itself;
  }
  program.file_mode_mask = static_cast<std::uint32_t>(::umask(022));
  ::umask(program.file_mode_mask);

  program.kept = plan.pass_fds;
  std::ranges::sort(program.kept);
  const auto repeated = std::ranges::unique(program.kept);
  program.kept.erase(repeated.begin(), repeated.end());
  for (const int fd : program.kept)
    if (::fcntl(fd, F_GETFD) < 0)
      return fail_errno(Step::close_fds, errno, cat("file descriptor ", fd, " to pass"), "open it for sbx, as in 3<file");

  if (plan.argv.empty() || plan.argv.front().empty())
    return fail(Step::exec, ErrorKind::usage, "no command", "name one after the options, or in [command] argv");
  if (plan.filter.empty() && std::ranges::find(plan.accept, "seccomp") == plan.accept.end())
    return fail(Step::seccomp, ErrorKind::internal, "the plan has no filter", "go without by [fallback] accept = [\"seccomp\"] alone");
  for (const auto& word : plan.argv) program.argv.push_back(word.c_str());
  program.argv.push_back(nullptr);
  for (const auto& entry : plan.environment) program.environment.push_back(entry.c_str());
  for (const auto& name : plan.pid_variables) program.pid_variables.push_back(cat(name, '=', std::string(room_for_pid, '\0')));
  for (const auto& entry : program.pid_variables) program.environment.push_back(entry.c_str());
  program.environment.push_back(nullptr);
  program.searched_path = plan.argv.front().find('/') == std::string::npos;
  program.commands = candidates(plan.argv.front(), plan.environment);
  for (const auto& path : program.commands) program.command_paths.push_back(path.c_str());
  find_secrets(program);
  return program;
}

}  // namespace sbx
