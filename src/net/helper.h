// A process outside of a sandbox that serves its network: forked early, so that the scope can be made around it; told
// later which program to be. It runs in the sandbox's user namespace, where its capabilities mean nothing to the host,
// and in the host's network. It ends with sbx by whatever signal (PR_SET_PDEATHSIG), and with the sandbox.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "launch/companion.h"

namespace sbx {

// Where the helper finds things, in a mount namespace of its own.
inline constexpr const char* helper_network_path = "/tmp/net";      // the sandbox's network namespace
inline constexpr const char* helper_ready_path = "/tmp/ready";      // a FIFO: what is written there makes it ready
inline constexpr const char* helper_ready_descriptor = "3";         // the same, for programs that take a number

class NetworkHelper {
 public:
  NetworkHelper() = default;
  NetworkHelper(NetworkHelper&& other) noexcept { *this = std::move(other); }
  NetworkHelper& operator=(NetworkHelper&& other) noexcept;
  ~NetworkHelper() { end(); }

  // The process, which waits. The caller has one thread.
  static Result<NetworkHelper> fork();
  HelperProcess process() const { return {pid_, pidfd_.get()}; }
  pid_t pid() const { return pid_; }
  const std::string& name() const { return name_; }

  // Makes it `argv` (its first word a path), without environment or privileges but two capabilities of the sandbox's.
  Result<> start(int user_namespace, int network_namespace, const std::vector<std::string>& argv);
  // Until it says that it is ready; its own words in the error where it ends instead.
  Result<> wait_ready(std::chrono::steady_clock::time_point deadline);

  // What it printed since the last call, at most a few lines.
  std::string words();
  int words_fd() const { return words_.get(); }
  // Empty while it runs; else what became of it: "ended with status 1", "was killed by signal 9", "was stopped".
  std::string fate();
  void end();

 private:
  pid_t pid_ = -1;
  std::string name_;
  UniqueFd pidfd_, channel_, words_, ready_;
  std::string ended_;  // its fate, once it was waited for
};

}  // namespace sbx
