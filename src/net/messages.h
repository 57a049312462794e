// One message with descriptors between a process and one that it forked.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx {

inline constexpr std::size_t most_message = 65'536;
inline constexpr std::size_t most_message_descriptors = 8;

struct MessagePair {
  UniqueFd ours, theirs;
};
Result<MessagePair> make_message_pair();  // CLOEXEC; keeps messages apart

struct NetworkMessage {
  std::string text;
  std::vector<UniqueFd> descriptors;
  bool closed = false;  // the other side is gone
};
// 0 or -errno.
int send_message(int socket, std::string_view text, std::span<const int> descriptors);
// Waits for at most `wait_ms`; nothing by then is ETIMEDOUT.
Result<NetworkMessage> receive_message(int socket, int wait_ms);

// Several strings as one text.
std::string pack_words(std::span<const std::string> words);
std::vector<std::string> unpack_words(std::string_view text);

}  // namespace sbx
