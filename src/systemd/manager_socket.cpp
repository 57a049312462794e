#include "systemd/manager_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "base/text.h"

namespace sbx {
namespace {

std::unexpected<Error> unreachable(bool system_manager, const std::string& cause, std::string hint = {}) {
  if (hint.empty())
    hint = system_manager ? "boot with systemd as the init system, or set [systemd] scope to \"auto\" or \"none\""
                          : "log in through a session of your own, or have root run `loginctl enable-linger` for this user";
  return fail(Step::connect_bus, ErrorKind::service_manager, cause, std::move(hint));
}

// $XDG_RUNTIME_DIR where it is this user's, else where pam_systemd would have put it. After su or sudo the variable may
// still name another user's directory, whose bus must not be spoken to.
Result<std::string> runtime_directory() {
  const std::string usual = cat("/run/user/", ::geteuid());
  const char* named = std::getenv("XDG_RUNTIME_DIR");
  struct stat status {};
  if (named != nullptr && named[0] == '/' && ::stat(named, &status) == 0) {
    if (S_ISDIR(status.st_mode) && status.st_uid == ::geteuid()) return std::string(named);
    if (::stat(usual.c_str(), &status) != 0)
      return unreachable(false, cat("XDG_RUNTIME_DIR is ", named, ", which isn't a directory of this user"),
                         cat("set it to ", usual, ", which a login or `loginctl enable-linger` makes"));
  }
  if (::stat(usual.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid()) return usual;
  if (named == nullptr || named[0] == '\0')
    return unreachable(false, cat("XDG_RUNTIME_DIR isn't set and ", usual, " doesn't exist"));
  return unreachable(false, named == usual ? cat(usual, " (XDG_RUNTIME_DIR) doesn't exist")
                                           : cat("XDG_RUNTIME_DIR is ", named, ", which doesn't exist, nor does ", usual));
}

// Waits a little for a listener whose backlog is full: connect(2) answers EAGAIN on a non-blocking socket then.
int connect_by(int fd, const sockaddr_un& address, std::chrono::steady_clock::time_point deadline) {
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EAGAIN && errno != EINTR) return errno;
    if (std::chrono::steady_clock::now() >= deadline) return ETIMEDOUT;
    constexpr timespec pause{0, 5'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return 0;
}

Result<UniqueFd> connect_to(const std::string& path, bool system_manager,
                            std::chrono::steady_clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return unreachable(system_manager, cat(path, " is too long for a socket"));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(Step::connect_bus, errno, "socket");
  if (const int error = connect_by(fd.get(), address, deadline); error != 0)
    return unreachable(system_manager, cat(path, ": ", errno_text(error)));
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return fail_errno(Step::connect_bus, errno, path);
  if (peer.uid != (system_manager ? 0 : ::geteuid()))
    return unreachable(system_manager, cat("uid ", peer.uid, " listens on ", path), "set XDG_RUNTIME_DIR to your own");
  return fd;
}

}  // namespace

Result<ManagerSocket> connect_manager(bool system_manager, std::chrono::steady_clock::time_point deadline) {
  std::string bus = "/run/dbus/system_bus_socket";
  std::string own = "/run/systemd/private";
  if (!system_manager) {
    SBX_ASSIGN(const auto directory, runtime_directory());
    bus = directory + "/bus";
    own = directory + "/systemd/private";
  }
  auto connected = connect_to(bus, system_manager, deadline);
  if (connected) return ManagerSocket{*std::move(connected), true};
  if (auto direct = connect_to(own, system_manager, deadline)) return ManagerSocket{*std::move(direct), false};
  return fail(std::move(connected).error());
}

}  // namespace sbx
