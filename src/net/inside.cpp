#include "net/inside.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "net/messages.h"

namespace sbx {
namespace {

constexpr int patience_ms = 10'000;

// An answer: one word with descriptors, or an error's parts.
std::string pack_error(const Error& error) {
  const std::string parts[] = {std::string(step_name(error.step)), std::to_string(static_cast<int>(error.kind)), std::to_string(error.errno_value),
                               error.what, error.hint};
  return pack_words(parts);
}

Error unpack_error(const std::vector<std::string>& parts) {
  if (parts.size() != 5) return {Step::join_network, ErrorKind::internal, 0, "the process in the sandbox's network spoke out of turn", {}};
  return {step_by_name(parts[0]).value_or(Step::join_network), static_cast<ErrorKind>(parse_number(parts[1]).value_or(0)),
          static_cast<int>(parse_number(parts[2]).value_or(0)), parts[3], parts[4]};
}

Result<std::vector<UniqueFd>> join_and_work(int user_namespace, int network_namespace, const InsideWork& work) {
  // The user namespace first: it gives the capabilities that the other one asks for (setns(2)).
  if (::setns(user_namespace, CLONE_NEWUSER) != 0) return fail_errno(Step::join_network, errno, "the sandbox's user namespace");
  if (::setns(network_namespace, CLONE_NEWNET) != 0) return fail_errno(Step::join_network, errno, "the sandbox's network namespace");
  // The change of credentials took it away (prctl(2)).
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  return work();
}

Result<std::vector<UniqueFd>> read_answer(int socket) {
  SBX_ASSIGN(auto message, receive_message(socket, patience_ms));
  if (message.closed) return fail(Step::join_network, ErrorKind::host, "the process in the sandbox's network ended early");
  const auto parts = unpack_words(message.text);
  if (parts.size() == 1) return std::move(message.descriptors);
  return fail(unpack_error(parts));
}

}  // namespace

Result<std::vector<UniqueFd>> run_inside(int user_namespace, int network_namespace, const InsideWork& work) {
  SBX_ASSIGN(auto pair, make_message_pair());
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(Step::join_network, errno, "fork", "raise the limit of processes (ulimit -u)");
  if (child == 0) {
    pair.ours.reset();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const auto done = join_and_work(user_namespace, network_namespace, work);
    std::vector<int> fds;
    if (done)
      for (const auto& fd : *done) fds.push_back(fd.get());
    const std::string good[] = {"done"};
    ::_exit(send_message(pair.theirs.get(), done ? pack_words(good) : pack_error(done.error()), fds) == 0 ? 0 : 1);
  }
  pair.theirs.reset();
  auto answer = read_answer(pair.ours.get());
  // What it was told is told; a process that hangs is no reason to hang as well.
  ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return answer;
}

}  // namespace sbx
