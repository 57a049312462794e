#include "net/filter_control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace sbx {
namespace {

// By way of the directory's descriptor: its path may be longer than an address of unix(7) can be.
sockaddr_un address_in(int directory, const std::string& name) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  const std::string path = cat("/proc/self/fd/", directory, "/", name);
  std::memcpy(out.sun_path, path.data(), std::min(path.size(), sizeof out.sun_path - 1));
  return out;
}

}  // namespace

Result<UniqueFd> listen_for_control(int directory, const std::string& name) {
  UniqueFd out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto address = address_in(directory, name);
  if (!out || ::bind(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::fchmodat(directory, name.c_str(), 0600, 0) != 0 || ::listen(out.get(), 16) != 0)
    return fail_errno(Step::set_up_network, errno, cat("a socket for sbx net, ", name));
  return out;
}

Result<UniqueFd> connect_to_control(int directory, const std::string& name) {
  UniqueFd out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = address_in(directory, name);
  if (!out || ::connect(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(Step::monitor, errno, "the sandbox's network helper");
  return out;
}

Result<> ask_control(int socket, const std::string& request, const std::function<Result<>(const std::string&)>& take) {
  const std::string line = request + "\n";
  if (::send(socket, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
    return fail_errno(Step::monitor, errno, "the sandbox's network helper");
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const auto count = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return {};
    text.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      SBX_TRY(take(text.substr(0, end)));
      text.erase(0, end + 1);
    }
  }
}

}  // namespace sbx
