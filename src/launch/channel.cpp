#include "launch/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sbx {
namespace {

// Takes the descriptors and the credentials out of the control data.
void read_control(msghdr& header, Received& received) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET) continue;
    if (control->cmsg_type == SCM_RIGHTS && control->cmsg_len >= CMSG_LEN(sizeof(int))) {
      for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= control->cmsg_len; at += sizeof(int)) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(control) + at, sizeof fd);
        received.descriptors.emplace_back(fd);
      }
    } else if (control->cmsg_type == SCM_CREDENTIALS && control->cmsg_len >= CMSG_LEN(sizeof(ucred))) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(control), sizeof credentials);
      received.sender = credentials.pid;
    }
  }
}

}  // namespace

int send_raw(int socket, const void* data, std::size_t size) {
  // write, not send: a seccomp filter always lets write through. SIGPIPE is blocked on both sides.
  ssize_t done = -1;
  do done = ::write(socket, data, size);
  while (done < 0 && errno == EINTR);
  if (done < 0) return -errno;
  return static_cast<std::size_t>(done) == size ? 0 : -EIO;
}

int receive_raw(int socket, Message* message) {
  ssize_t got = -1;
  do got = ::read(socket, message, sizeof *message);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  if (got == 0) return -EPIPE;
  return static_cast<std::size_t>(got) == sizeof *message ? 0 : -EBADMSG;
}

int send_descriptors(int socket, const Message& message, const int* fds, std::size_t count) {
  iovec vector{const_cast<Message*>(&message), sizeof message};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int) * most_descriptors)] = {};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  if (count > most_descriptors) return -E2BIG;
  if (count > 0) {
    header.msg_control = space;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(control), fds, sizeof(int) * count);
  }
  return ::sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

Result<Channel> make_channel(bool credentials) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(Step::clone_init, errno, "a socket pair to the sandbox", "raise the limit of open files (ulimit -n)");
  Channel channel{UniqueFd(ends[0]), UniqueFd(ends[1])};
  const int on = 1;
  if (credentials && ::setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return fail_errno(Step::clone_init, errno, "the sandbox's credentials");
  return channel;
}

Result<Received> receive(int socket, int wait_ms) {
  pollfd entry{socket, POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&entry, 1, wait_ms < 0 ? 0 : wait_ms);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) return fail_errno(Step::wait_gate, ETIMEDOUT, "the sandbox doesn't answer");

  StartedMessage buffer{};
  iovec vector{&buffer, sizeof buffer};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int) * most_descriptors) + CMSG_SPACE(sizeof(ucred))] = {};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = space;
  header.msg_controllen = sizeof space;
  ssize_t got = -1;
  // A peer that ended with a message of ours unread makes the first call fail by ECONNRESET; what it said before its
  // end is still there for the next one (unix_release_sock() in Linux).
  int resets = 0;
  do got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (got < 0 && (errno == EINTR || (errno == ECONNRESET && ++resets == 1)));
  Received received;
  if (got == 0 || (got < 0 && errno == ECONNRESET)) {
    received.closed = true;
    return received;
  }
  if (got < 0) return fail_errno(Step::wait_gate, errno, "read from the sandbox");
  read_control(header, received);
  if (static_cast<std::size_t>(got) < sizeof(Message) || static_cast<std::size_t>(buffer.message.step) >= step_count)
    return fail(Step::wait_gate, ErrorKind::internal, "the sandbox sent what is no message");
  received.message = buffer.message;
  received.times = buffer.times;
  received.exec_ns = buffer.exec_ns;
  return received;
}

Result<> send(int socket, const Message& message) {
  if (const int error = send_raw(socket, &message, sizeof message); error != 0)
    return fail_errno(Step::wait_gate, -error, "write to the sandbox");
  return {};
}

Result<> tell(int socket, MessageKind kind) {
  Message message{};
  message.kind = kind;
  if (auto sent = send(socket, message); !sent && sent.error().errno_value != EPIPE) return sent;
  return {};
}

}  // namespace sbx
