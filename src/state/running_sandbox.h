// A running sandbox of the caller's: an entry of the registry that was held against the kernel, and its init's pidfd.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/cgroup.h"
#include "state/details.h"
#include "state/registry.h"

namespace sbx {

// What holds of each: the entry's file is locked by the process that it names as launcher; the pidfd's process is that
// one's child, and has the start time (where there is pidfs: the inode) and the cgroup that the entry says. All but the
// lock was read while the pidfd's process was alive. So it is the sandbox's init, whatever the file says.
class RunningSandbox {
 public:
  // Nothing: it has ended, or the file is no sandbox's; `why` says which, for messages.
  static std::optional<RunningSandbox> verify(RegistryFile file, std::string* why = nullptr);

  const SandboxEntry& entry() const { return entry_; }
  const std::string& id() const { return entry_.id; }
  int pidfd() const { return pidfd_.get(); }  // init's
  pid_t init() const { return static_cast<pid_t>(entry_.init); }
  bool alive() const;
  // The sandbox's own cgroup; the error says that there is none.
  Result<Cgroup> cgroup() const;
  // The launch in full. Waits up to two seconds for a sandbox that has only just started.
  Result<SandboxDetails> details(const Registry& registry) const;
  // To init, which forwards it to the payload; SIGKILL ends the sandbox.
  Result<> signal(int signal) const;

 private:
  SandboxEntry entry_;
  UniqueFd pidfd_;
};

// The error of a kernel that has no pidfd_open(2) (before 5.3), or a filter that hides it: nothing can be told for sure there.
Result<> require_pidfds();
// By name, id or the beginning of an id that no other has. The error says what is near.
Result<RunningSandbox> find_sandbox(const Registry& registry, std::string_view text);
Result<RunningSandbox> find_sandbox(std::string_view text);
// All of them, oldest first. What was left behind is swept on the way.
std::vector<RunningSandbox> list_sandboxes(const Registry& registry);

}  // namespace sbx
