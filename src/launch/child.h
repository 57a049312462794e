// The child's half of a launch: everything between clone and exec, and init.
//
// Rules for child*.cpp and init.cpp, which run in a copy of the parent that has one thread:
//  - no allocation, no exception, no logging, no lock, no stdio: a fault here must not depend on what the parent did;
//  - raw system calls for ids, since libc's tell other threads;
//  - strings and arrays come from ChildProgram and the plan behind it, and are only read;
//  - each action runs under Progress::run with its Step, so that it is timed, can be made to fail, and is named when it
//    does; the failure is one fixed record, and the parent makes words of it;
//  - nothing is left for an exit handler: _exit alone.
#pragma once
#include <cstdint>

#include "launch/channel.h"
#include "launch/child_program.h"

namespace sbx {

inline constexpr int failed_status = 125;  // of a child that failed before exec

// Names the step that runs, times it, and keeps the first failure.
class Progress {
 public:
  explicit Progress(int channel) : channel_(channel) {}
  // `action` returns 0 or -errno. False where it failed, and then failure() says how.
  template <typename Action>
  bool run(Step step, Action&& action) {
    const int injected = enter(step);
    return check(injected != 0 ? injected : action());
  }
  // For actions that loop: enter each step, then check() what came of it.
  int enter(Step step);
  bool check(int result);
  void at(int index, int detail = 0) { index_ = index, detail_ = detail; }

  const Message& failure() const { return failure_; }
  Message& failure() { return failure_; }
  const StepTimes& times() const { return times_; }
  int channel() const { return channel_; }
  std::uint64_t since_ns() const { return since_ns_; }  // when the present step began

 private:
  int channel_;
  Step step_ = Step::clone_init;
  std::uint64_t since_ns_ = 0;
  int index_ = -1, detail_ = 0;
  Message failure_{};
  StepTimes times_;
};

// The child after clone. Never returns.
[[noreturn]] void run_child(const ChildProgram& program);
// The same for a command that joins a running sandbox.
[[noreturn]] void run_joiner(const ChildProgram& program);              // child_join.cpp

// ---- for both; 0 or -errno
// The death of the parent becomes the child's; before the move into a scope it doesn't (child_scope.h). Again after every change of ids: the kernel clears it then (prctl(2)).
int die_with_parent(int channel);
int wait_for(int channel, MessageKind kind);
// The plan's ids; from here on not dumpable.
int take_plan_ids(const ChildProgram& program);
[[noreturn]] void give_up(const Progress& progress);

// ---- its parts; each false with a failure noted
bool build_root(const ChildProgram& program, Progress& progress);       // child_mounts.cpp
// no_new_privs and Landlock. Before the payload is made, so that init is in the same Landlock domain and may signal it.
bool restrict_self(const ChildProgram& program, Progress& progress);    // child_confine.cpp
// All other capabilities are given up for good.
bool keep_capabilities(Progress& progress, std::uint64_t kept);         // child_confine.cpp
// From inside the finished sandbox on: terminal, working directory, confinement, payload, init. For joiners too.
[[noreturn]] void run_inside(const ChildProgram& program, Progress& progress);  // child_inside.cpp
// The payload up to exec, in a vfork child; returns only by failing.
struct PayloadStart {
  const ChildProgram& program;
  Progress& progress;
  int terminal;       // the pty's other side, or -1
  bool powerless;     // init gave up its capabilities before the payload was made
};
int run_payload(void* start);                                           // child_payload.cpp; a PayloadStart
// Why exec of the command failed, as an ExecFault in the failure's detail.
enum class ExecFault : std::uint8_t { none, no_interpreter, directory, no_execute_bit, no_exec_mount, no_format, unreadable };
void explain_exec(const ChildProgram& program, Progress& progress);     // child_payload.cpp
// `powerless`: init gave up its capabilities before the payload was made.
// `terminal` (or -1) is held open, so that its other side sees no hangup while the payload has it closed.
[[noreturn]] void run_init(const ChildProgram& program, Progress& progress, int payload, int terminal,
                           bool powerless);  // init.cpp

}  // namespace sbx
