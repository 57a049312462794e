// Watches a running sandbox: signals, wall time, the terminal, the end.
#pragma once
#include <signal.h>

#include <functional>

#include <functional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/events.h"
#include "launch/channel.h"
#include "launch/exit_report.h"
#include "launch/terminal.h"
#include "plan/launch_plan.h"

namespace sbx {

// All signals blocked from here to its end, and read from a descriptor instead: before the clone, so that neither side
// runs a handler of the other's, and none is lost.
class BlockedSignals {
 public:
  static Result<BlockedSignals> block();
  BlockedSignals(BlockedSignals&&) noexcept = default;
  BlockedSignals& operator=(BlockedSignals&&) = delete;
  ~BlockedSignals();
  int fd() const { return fd_.get(); }

 private:
  BlockedSignals() = default;
  UniqueFd fd_;
  sigset_t before_{};
};

struct Watched {
  int channel, pidfd, signals;
  const LimitsSpec& limits;
  Terminal* terminal;  // null: the payload has the caller's own 0 to 2
  Events* events;      // null: nothing else to attend to
  const std::function<void()>* on_daemon = nullptr;  // null: the payload becomes none
  std::function<void()> on_settled = {};             // once, where the sandbox still runs after settled_ms
  std::function<void(Received)> on_namespaces = {};  // init's answer to share_namespaces
};
struct Watch {
  bool ended = false;      // init's word for it was heard: code and status are the payload's
  bool timed_out = false;
  bool killed = false;     // sbx killed the sandbox: the grace ran out
  int code = 0, status = 0;
};
// Returns once the payload has ended (init then waits for an acknowledgement, where it was told to) or init is gone.
Result<Watch> watch(const Watched& watched);
// Says of a report whether the end was a kill for memory.
void judge_memory(const Watch& watched, ExitReport& report);

}  // namespace sbx
