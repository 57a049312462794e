#include "launch/explain_failure.h"

#include <sys/wait.h>

#include <cerrno>

#include "base/text.h"
#include "kernel/caps.h"
#include "kernel/namespace.h"
#include "kernel/probe.h"
#include "launch/child.h"

namespace sbx {
namespace {

std::string from(const Origin& origin) { return origin.empty() ? std::string() : cat(" (", origin, ")"); }

struct Words {
  std::string what, hint;
};

Words replaced(const std::string& what) {
  return {cat(what, ": it was replaced while the sandbox was made"), "try again, and see who writes there"};
}

Words words_of(const MakeDirectory& operation, int error) {
  return {operation.target, error == EROFS ? "make it in the root directory, or choose a target below a tmpfs" : ""};
}
Words words_of(const MakeSymlink& operation, int) { return {cat(operation.target, " -> ", operation.to), ""}; }
Words words_of(const MakeFile& operation, int error) {
  return {operation.target, error == EEXIST ? "choose another path: this one is taken" : ""};
}
Words words_of(const BindTree& operation, int error) {
  const std::string what = operation.source == operation.target ? operation.source : cat(operation.source, " on ", operation.target);
  if (error == ESTALE) return replaced(what);
  if (error == ELOOP) return {cat(what, ": a symbolic link stands where none was"), "try again, and see who writes there"};
  if (error == ENOENT) return {what, "create it, or mark it optional"};
  if (error == ENOSPC) return {what, "bind fewer paths, or raise the sysctl fs.mount-max"};
  return {what, ""};
}
Words words_of(const MountTmpfs& operation, int error) {
  return {operation.target, error == EINVAL ? "choose another size" : ""};
}
Words words_of(const MountProc& operation, int error) {
  const Obstacle obstacle = why_no_proc(error);
  return {obstacle.cause.empty() ? operation.target : cat(operation.target, ": ", obstacle.cause), obstacle.remedy};
}
Words words_of(const MountDevpts& operation, int) { return {operation.target, ""}; }
Words words_of(const LayerDirectory& operation, int error) {
  return {operation.target, error == ENODEV ? "load the overlay module, or take out what adds names to this directory" : ""};
}
Words words_of(const HidePath& operation, int error) {
  if (error == ESTALE) return replaced(operation.target);
  return {operation.target, error == ENOENT || error == ENOTDIR ? "it changed while the sandbox was made: try again" : ""};
}
Words words_of(const SealReadOnly& operation, int) { return {operation.target, ""}; }
Words words_of(const MakeSocket& operation, int) { return {operation.target, "go without: --sdnotify ignore"}; }

Error explain_mount(const Message& failure, const LaunchPlan& plan) {
  Error error{failure.step, ErrorKind::system, failure.error, "", ""};
  if (failure.index < 0 || static_cast<std::size_t>(failure.index) >= plan.mounts.size()) return error.what = "the new root", error;
  const PlannedMount& mount = plan.mounts[static_cast<std::size_t>(failure.index)];
  const Words words = std::visit([&](const auto& one) { return words_of(one, failure.error); }, mount.operation);
  error.what = cat(words.what, from(mount.origin));
  error.hint = words.hint;
  // A cause in words says more than these numbers do.
  if (failure.error == ESTALE) error.errno_value = 0;
  return error;
}

Error explain_exec_failure(const Message& failure, const ChildProgram& program) {
  const std::string& command = program.plan->argv.front();
  Error error{Step::exec, ErrorKind::not_executable, failure.error, command, ""};
  const auto index = static_cast<std::size_t>(failure.index < 0 ? 0 : failure.index);
  const std::string path = index < program.commands.size() ? program.commands[index] : command;
  switch (static_cast<ExecFault>(failure.detail)) {
    case ExecFault::no_interpreter:
      error.what = cat(path, ": the interpreter that it names in its first line, or its dynamic loader, is not in the sandbox");
      error.hint = "make it visible with --ro, or correct the #! line";
      return error;
    case ExecFault::directory:
      error.what = cat(path, " is a directory"), error.errno_value = 0;
      error.hint = "name a program in it";
      return error;
    case ExecFault::no_execute_bit:
      error.what = path, error.hint = cat("chmod +x ", path, ", or run it by its interpreter");
      return error;
    case ExecFault::no_exec_mount:
      error.what = path, error.hint = "it lies on a mount without exec, in a directory that can't be searched, or out of what Landlock allows";
      return error;
    case ExecFault::unreadable:
      error.what = path, error.hint = "give this user the right to read and execute it";
      return error;
    case ExecFault::no_format:
      error.what = path, error.hint = "give a script a #! line; a binary has to be of this architecture";
      return error;
    case ExecFault::none: break;
  }
  error.what = path;
  if (failure.error == E2BIG) error.hint = "shorten the arguments and the environment";
  if (failure.error != ENOENT && failure.error != ENOTDIR) return error;
  error.kind = ErrorKind::not_found;
  if (program.searched_path) {
    std::vector<std::string> directories;
    for (const auto& candidate : program.commands) directories.emplace_back(parent_path(candidate));
    error.what = cat(command, " is in none of ", join(directories, ":"), " inside the sandbox");
    error.errno_value = 0;
    error.hint = "install it, set PATH in [environment], or make its directory visible with --ro";
  } else {
    error.hint = "paths are those inside the sandbox: make it visible with --ro";
  }
  return error;
}

}  // namespace

Error explain_failure(const Message& failure, const ChildProgram& program) {
  const LaunchPlan& plan = *program.plan;
  Error error{failure.step, ErrorKind::system, failure.error, "", ""};
  const auto index = static_cast<std::size_t>(failure.index < 0 ? 0 : failure.index);
  switch (failure.step) {
    case Step::make_directory: case Step::make_symlink: case Step::make_file: case Step::bind: case Step::mount_tmpfs:
    case Step::mount_proc: case Step::mount_devpts: case Step::layer: case Step::hide: case Step::seal:
      return explain_mount(failure, plan);
    case Step::exec: return explain_exec_failure(failure, program);
    case Step::set_rlimits:
      error.what = failure.index >= 0 && index < plan.rlimits.size()
                       ? cat("rlimits.", plan.rlimits[index].name, " = ", plan.rlimits[index].hard, from(plan.rlimits[index].origin))
                       : "resource limits";
      if (failure.error == EPERM) error.hint = "only root may raise a hard limit: see ulimit -H";
      return error;
    case Step::drop_capabilities:
      error.what = failure.index >= 0 ? capability_name(failure.index) : "all";
      error.hint = plan.kept_capabilities != 0 ? "take it out of [capabilities] keep" : "";
      return error;
    case Step::landlock:
      error.what = failure.index >= 0 && index < plan.landlock.rules.size() ? plan.landlock.rules[index].path : "the rules";
      error.hint = "set landlock.mode = \"off\" to go without";
      return error;
    case Step::set_workdir:
      error.what = cat(plan.workdir, " inside the sandbox");
      error.hint = "make it visible with --rw or --ro, or choose another with --workdir";
      return error;
    case Step::mount_root:
      error.what = plan.root_directory.empty() ? "a tmpfs" : plan.root_directory;
      if (failure.error == ESTALE || failure.error == ELOOP)
        error.what += ": it was replaced while the sandbox was made", error.errno_value = 0, error.hint = "try again, and see who writes there";
      return error;
    case Step::set_hostname: error.what = plan.hostname; return error;
    case Step::set_ids: error.what = cat("uid ", plan.ids.uid, ", gid ", plan.ids.gid); return error;
    case Step::write_id_maps: {
      const Obstacle obstacle = why_no_user_namespace(failure.error);
      error.what = obstacle.cause.empty() ? "/proc/self/uid_map" : obstacle.cause, error.hint = obstacle.remedy;
      return error;
    }
    case Step::join_namespaces:
      error.what = index < namespace_kinds.size() && failure.index >= 0 ? cat("its ", namespace_kinds[index].name, " namespace") : "setns(2)";
      if (failure.error == EPERM) error.hint = "run sbx exec as the user, and in the user and network namespace, that the sandbox was started from";
      return error;
    case Step::seccomp: error.what = "the filter"; return error;
    case Step::join_keyring:
      error.what = "keyctl(2)";
      error.hint = failure.error == EDQUOT ? "raise the sysctl kernel.keys.maxkeys" : "";
      return error;
    case Step::open_terminal: error.what = "/dev/ptmx inside the sandbox"; return error;
    case Step::pivot_root:
      error.what = "the new root";
      error.hint = failure.error == EINVAL ? "pivot_root(2) can't leave an initramfs: switch to a real root first" : "";
      return error;
    case Step::bring_up_loopback: error.what = "lo"; return error;
    case Step::make_mounts_private: error.what = "all mounts of the new namespace"; return error;
    case Step::unshare_cgroup: error.what = "unshare(2)"; return error;
    case Step::start_payload:
      error.what = "clone(2)";
      if (failure.error == EAGAIN) error.hint = "raise cgroup.pids.max or the limit of processes (ulimit -u)";
      return error;
    case Step::close_fds: error.what = "close_range(2)"; return error;
    case Step::wait_gate: error.what = "the gate's message"; return error;
    default: error.what = failure.step == Step::no_new_privs ? "prctl(2)" : "the sandbox's own process"; return error;
  }
}

Error explain_silence(int code, int status) {
  Error error{Step::clone_init, ErrorKind::system, 0, "", ""};
  if (code == CLD_EXITED) {
    error.what = cat("the sandbox's first process ended with status ", status, " during the set-up");
  } else {
    error.what = cat("the sandbox's first process was killed by signal ", status, " during the set-up");
    if (status == SIGKILL) error.hint = "see the kernel's log for a kill for memory, and raise cgroup.memory.max";
  }
  return error;
}

}  // namespace sbx
