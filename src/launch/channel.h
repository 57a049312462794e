// The one socket between the parent and the child: SOCK_SEQPACKET, so that a message is whole or absent.
#pragma once
#include <cstdint>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "base/step_times.h"
#include "base/unique_fd.h"

namespace sbx {

enum class MessageKind : std::uint8_t {
  // parent to child
  scope_asked,   // the service manager may move the child into a scope from now on
  maps_written,  // gate 1
  open_gate,     // gate 2: the limits hold, and what must stand beside the sandbox does
  attached,      // the terminal has the modes and the size of the caller's
  looked,        // the first look for the receipt is done
  release,       // gate 3: the receipt was read
  forward,       // detail: the signal for the payload
  kill_payload,  // the payload and all its descendants, at once
  acknowledge,   // the statistics were read; init may end
  share_namespaces,  // so that others can be let in
  // child to parent
  failed,    // step, error, index, detail
  terminal,  // carries the pty's master side
  readable,  // the payload is confined but for its filter, and dumpable until `looked` comes
  waiting,   // the payload is about to exec; sent by the payload itself, so that its credentials give its pid
  started,   // the payload runs; a StepTimes follows in the same packet
  namespaces,  // carries init's; detail: bit n says that namespace_kinds[n] is among them, in that order
  stopped,   // detail: the signal that stopped the payload's process group
  adopted,   // the payload has ended well and left a daemon, which is the payload now
  ended,     // error: siginfo's si_code, detail: its si_status
};

// One fixed record. Plain data on both sides of the namespace boundary: neither side trusts its numbers as an index.
struct Message {
  MessageKind kind{};
  Step step{};
  std::int32_t error = 0;    // errno, positive
  std::int32_t index = -1;   // of the mount operation, rlimit, rule, exec candidate or capability
  std::int32_t detail = 0;
};

struct StartedMessage {
  Message message;
  StepTimes times;
  std::uint64_t exec_ns = 0;  // CLOCK_MONOTONIC, right after exec
};

inline constexpr std::size_t most_descriptors = 8;

// ---- the child's half: raw, no allocation. 0 or -errno.
int send_raw(int socket, const void* data, std::size_t size);
// -EPIPE: the other side is gone.
int receive_raw(int socket, Message* message);
// At most most_descriptors of them.
int send_descriptors(int socket, const Message& message, const int* fds, std::size_t count);

// ---- the parent's half
struct Channel {
  UniqueFd parent, child;
};
// `credentials`: the kernel attaches the sender's pid to what the parent receives.
Result<Channel> make_channel(bool credentials);

struct Received {
  Message message;
  StepTimes times;       // with started
  std::uint64_t exec_ns = 0;  // with started
  std::vector<UniqueFd> descriptors;  // with terminal and namespaces
  pid_t sender = 0;      // with a channel that has credentials
  bool closed = false;   // the other side is gone: no message
};
// Without blocking where `wait_ms` is 0, else for at most so long (-1 is not a deadline and not allowed). Nothing by
// then is ETIMEDOUT.
Result<Received> receive(int socket, int wait_ms);
Result<> send(int socket, const Message& message);
// One word without more. A child that is gone is no error: it has said why, which is read where answers are, and tells more
// than a broken pipe.
Result<> tell(int socket, MessageKind kind);

}  // namespace sbx
