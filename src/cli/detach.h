// `sbx run --detach`: the launcher goes into the background, and the foreground ends once the command has started.
#pragma once
#include <optional>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "launch/companion.h"

namespace sbx {

class Detachment {
 public:
  // Forks. In the foreground: the exit status, after the id was printed; where the set-up failed the background has said
  // why. In the background: nothing, and the caller goes on to launch, in a session of its own, with standard input from
  // /dev/null and of the caller's descriptors only 0 to 2 and `kept`. Before anything that a fork doesn't carry over.
  // With `terminal` that input, and the output, is a new terminal of the host's, whose master() is for an AttachServer.
  Result<std::optional<int>> split(std::span<const int> kept, bool terminal);
  bool background() const { return static_cast<bool>(tell_); }
  int null() const { return null_.get(); }  // for the command's output
  bool has_terminal() const { return static_cast<bool>(master_); }
  UniqueFd take_master() { return std::move(master_); }

  // Into a scope of the launcher's own beside the sandbox's, by the same manager: in the scope of a login session it would
  // keep the session, and with it the user's manager, from ending, and logind's KillUserProcesses= would end it with the
  // session though the user lingers. Without such a manager it stays where it is.
  void enter_scope(const std::string& id, const LaunchPlan& plan) const;

  // Tells the foreground of the start, and lets go of the caller's terminal and directory. Borrows this.
  Companion companion(const std::string& id);

 private:
  void started(const std::string& id);
  Result<> settle_in(std::span<const int> kept);
  Result<> open_terminal();
  UniqueFd tell_;  // the background's end
  UniqueFd null_;
  UniqueFd master_;
  bool terminal_ = false;
};

}  // namespace sbx
