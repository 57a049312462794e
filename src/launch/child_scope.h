// The child's part in its move into a scope. Rules as at the head of child.h.
//
// A manager that moves a process which is dead, but not yet buried, is left with a scope that never had a process and is
// told of no end: it would stay for ever. So whoever is asked into a scope lives until it is there, though its launch has
// failed and though the parent, which would take the order back, was killed.
#pragma once
#include "launch/channel.h"
#include "launch/child_program.h"

namespace sbx {

class ScopeMove {
 public:
  explicit ScopeMove(const ChildProgram& program);
  // As sbx::wait_for, before the gate. At the gate's opening the scope has the child, and the parent's death is its own.
  int wait_for(MessageKind kind);
  // Of a launch that failed: waits until the parent is gone (it may also kill), and the move is over.
  void see_it_end();

 private:
  bool is_over() const;

  const ChildProgram& program_;
  int own_cgroup_ = -1;  // /proc/self/cgroup of the caller's /proc
  bool asked_ = false;   // the manager may have been
};

}  // namespace sbx
