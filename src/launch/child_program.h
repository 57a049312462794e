// ChildProgram: the child's half of a LaunchPlan, made ready before clone so that the child allocates nothing.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/launch_plan.h"

namespace sbx {

struct ChildProgram {
  const LaunchPlan* plan = nullptr;      // read only, and only what holds no work: no string is made of it
  int channel = -1;                      // the child's end
  int parent_channel = -1;               // the parent's, to be closed
  int lifeline = -1;                     // the janitor's, held by init; -1: none
  bool waits_for_maps = false;           // the parent writes the id maps
  bool maps_itself = false;              // or the child does
  const std::string* scope = nullptr;    // the scope that will be asked for; null: none
  bool waits_at_gate = false;            // until the limits hold, and what must stand beside the sandbox does
  bool new_user_namespace = false, new_pid_namespace = false, new_mount_namespace = false;
  bool announces = false;                // the payload sends `waiting` before exec
  bool waits_for_release = false;        // and then waits
  bool waits_for_acknowledge = false;    // init ends only when the parent has read the statistics
  bool joins = false;                    // a running sandbox; this command's init stays outside of the pid namespace
  bool adopts_daemon = false;            // what a payload that ends well leaves behind is the payload then
  bool own_terminal = false;             // a pty of the sandbox's devpts becomes the payload's terminal
  int output = -1, error = -1;           // the payload's 1 and 2; -1: the caller's own
  std::uint32_t file_mode_mask = 022;    // the caller's umask
  int highest_descriptor = 0;            // for kernels without close_range
  std::string uid_map, gid_map;
  std::vector<int> namespaces;           // to join, in the order of namespace_kinds; -1: the caller's own
  std::vector<int> kept;                 // pass_fds, ascending
  std::vector<const char*> argv, environment;  // null-terminated
  std::vector<std::string> pid_variables;      // "NAME=" and room for a number, which the payload fills in
  int notify_socket = -1;                // the launcher's, to be named inside; -1: none
  std::vector<std::string> commands;     // what to try to execute, in order: PATH spelled out
  std::vector<const char*> command_paths;
  bool searched_path = false;            // argv[0] had no slash
  char* secrets_begin = nullptr;         // argv, environment and path of the caller on the stack, wiped in init
  char* secrets_end = nullptr;
};

// Flattens `plan`, which must outlive the program. Fails on what can be known before the clone: a file descriptor to
// pass that isn't open, more than one thread.
Result<ChildProgram> make_child_program(const LaunchPlan& plan);

}  // namespace sbx
