#include "net/messages.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace sbx {
namespace {

constexpr std::size_t control_size = CMSG_SPACE(most_message_descriptors * sizeof(int));

}  // namespace

Result<MessagePair> make_message_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(Step::join_network, errno, "socketpair", "raise the limit of open files (ulimit -n)");
  return MessagePair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

int send_message(int socket, std::string_view text, std::span<const int> descriptors) {
  if (text.size() > most_message || text.empty() || descriptors.size() > most_message_descriptors) return -EMSGSIZE;
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, control_size> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t done = -1;
  do done = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  while (done < 0 && errno == EINTR);
  return done < 0 ? -errno : 0;
}

Result<NetworkMessage> receive_message(int socket, int wait_ms) {
  pollfd entry{socket, POLLIN, 0};
  const int ready = ::poll(&entry, 1, wait_ms);
  if (ready <= 0) return fail_errno(Step::join_network, ready == 0 ? ETIMEDOUT : errno, "no answer from a process of the network's");
  NetworkMessage message;
  message.text.resize(most_message);
  iovec part{message.text.data(), message.text.size()};
  alignas(cmsghdr) std::array<char, control_size> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t size = -1;
  do size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size < 0 && errno != ECONNRESET) return fail_errno(Step::join_network, errno, "recvmsg");
  message.closed = size <= 0;
  message.text.resize(size <= 0 ? 0 : static_cast<std::size_t>(size));
  for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr && size > 0; one = CMSG_NXTHDR(&header, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= one->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(one) + at, sizeof fd);
      message.descriptors.emplace_back(fd);
    }
  }
  return message;
}

std::string pack_words(std::span<const std::string> words) {
  std::string text;
  for (const auto& word : words) text += cat(word, '\0');
  return text;
}

std::vector<std::string> unpack_words(std::string_view text) {
  std::vector<std::string> words;
  for (const auto word : split(text, '\0')) words.emplace_back(word);
  if (!words.empty()) words.pop_back();  // what stands behind the last NUL
  return words;
}

}  // namespace sbx
