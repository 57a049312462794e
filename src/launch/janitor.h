// Placeholders: empty files and directories made on the host for the sandbox's time, so that a path within a tree that
// the payload can write can be covered though the host has nothing there.
//
// A process of its own makes and removes them: it outlives sbx, whatever kills that, by the moment that takes. Several
// sandboxes share a placeholder: each holds a lock on it (flock(2)), and the last one removes it.
#pragma once
#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "plan/launch_plan.h"

namespace sbx {

class Janitor {
 public:
  Janitor() = default;
  // Returns when all placeholders are made. No process where there is nothing to make. Called with every signal
  // blocked, before the sandbox is cloned.
  static Result<Janitor> start(const std::vector<Placeholder>& placeholders);
  Janitor(Janitor&&) noexcept;
  Janitor& operator=(Janitor&& other) noexcept;
  // Has them removed, and waits for that.
  ~Janitor() { finish(); }
  void finish();
  // Held by the parent and by init: they are removed when both are gone. -1: no janitor.
  int lifeline() const { return lifeline_.get(); }

 private:
  UniqueFd lifeline_;
  UniqueFd pidfd_;
  pid_t pid_ = -1;
};

}  // namespace sbx
