#include "telemetry/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t most_connections = 16;
constexpr auto connection_time = std::chrono::seconds(5);
constexpr int first_activated = 3;  // SD_LISTEN_FDS_START

struct Connection {
  UniqueFd fd;
  HttpExchange exchange;
  Clock::time_point deadline = Clock::now() + connection_time;
  std::optional<std::string> answer = {};
  std::size_t written = 0;
  bool done = false;

  short wanted() const { return answer && written < answer->size() ? POLLOUT : POLLIN; }

  void handle() {
    if (wanted() == POLLOUT) return write_some();
    char buffer[4096];
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // After the answer the client closes first: what it still sends must be read, or closing would reset the connection
    // and with it what it has not read yet.
    if (got <= 0) done = true;
    else if (!answer) answer = exchange.take({buffer, static_cast<std::size_t>(got)});
    if (answer && written == 0) write_some();
  }

  void write_some() {
    const auto put = ::send(fd.get(), answer->data() + written, answer->size() - written, MSG_NOSIGNAL);
    if (put < 0) {
      done = errno != EAGAIN && errno != EINTR;
      return;
    }
    written += static_cast<std::size_t>(put);
    if (written == answer->size()) ::shutdown(fd.get(), SHUT_WR);
  }
};

Error bad_address(const std::string& address) {
  return {Step::parse_options, ErrorKind::usage, 0, cat("--listen=", address, ": no address to serve on"),
          "write 127.0.0.1:PORT, [::1]:PORT or the absolute path of a socket"};
}

Result<UniqueFd> bind_and_listen(const sockaddr* address, socklen_t size, const std::string& spelled) {
  UniqueFd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto mask = ::umask(0177);  // of a socket in the file system: for the caller alone
  const bool bound = fd && ::bind(fd.get(), address, size) == 0 && ::listen(fd.get(), most_connections) == 0;
  const int error = errno;
  ::umask(mask);
  if (!bound) return fail_errno(Step::serve_metrics, error, spelled, error == EADDRINUSE ? "end the other server, or serve elsewhere" : "");
  return fd;
}

}  // namespace

Result<UniqueFd> take_activated_socket() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  constexpr auto remedy = "start it by sbx-metrics.socket, or say where to serve: --listen=127.0.0.1:9978";
  if (pid == nullptr || count == nullptr || parse_number(pid) != static_cast<std::uint64_t>(::getpid()))
    return fail(Step::serve_metrics, ErrorKind::usage, "no service manager handed a socket over", remedy);
  int listening = 0, type = 0;
  socklen_t size = sizeof listening, type_size = sizeof type;
  if (parse_number(count) != 1U || ::getsockopt(first_activated, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 ||
      ::getsockopt(first_activated, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 || listening != 1 || type != SOCK_STREAM)
    return fail(Step::serve_metrics, ErrorKind::usage, "what was handed over is not one listening stream socket", "use Accept=no and a single ListenStream=");
  ::fcntl(first_activated, F_SETFD, FD_CLOEXEC);
  ::fcntl(first_activated, F_SETFL, O_NONBLOCK);
  return UniqueFd(first_activated);
}

Result<UniqueFd> listen_on(const std::string& address) {
  if (address.starts_with('/')) {
    sockaddr_un path{AF_UNIX, {}};
    if (address.size() >= sizeof path.sun_path) return fail(bad_address(address));
    std::memcpy(path.sun_path, address.c_str(), address.size());
    return bind_and_listen(reinterpret_cast<const sockaddr*>(&path), sizeof path, address);
  }
  const auto colon = address.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : parse_number(address.substr(colon + 1));
  if (!port || *port > 65535) return fail(bad_address(address));
  const auto host = address.substr(0, colon);
  sockaddr_in v4{};
  v4.sin_family = AF_INET, v4.sin_port = htons(static_cast<std::uint16_t>(*port));
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1 && (ntohl(v4.sin_addr.s_addr) >> 24U) == 127)
    return bind_and_listen(reinterpret_cast<const sockaddr*>(&v4), sizeof v4, address);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6, v6.sin6_port = htons(static_cast<std::uint16_t>(*port)), v6.sin6_addr = in6addr_loopback;
  if (host == "[::1]") return bind_and_listen(reinterpret_cast<const sockaddr*>(&v6), sizeof v6, address);
  return fail(bad_address(address));
}

Result<> serve_http(int listener, const HttpExchange::Render& render, std::chrono::seconds idle) {
  sigset_t ends;
  ::sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&ends, signal);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  const UniqueFd signals(::signalfd(-1, &ends, SFD_CLOEXEC));
  if (!signals) return fail_errno(Step::serve_metrics, errno, "signalfd");
  std::vector<Connection> connections;
  auto last = Clock::now();
  while (true) {
    const auto now = Clock::now();
    std::erase_if(connections, [&](const Connection& one) { return one.done || one.deadline <= now; });
    if (connections.empty() && idle.count() != 0 && now - last >= idle) return {};
    std::vector<pollfd> entries = {{signals.get(), POLLIN, 0}, {listener, POLLIN, 0}};
    auto wake = idle.count() != 0 ? last + idle : now + std::chrono::hours(1);
    for (const auto& one : connections) {
      entries.push_back({one.fd.get(), one.wanted(), 0});
      wake = std::min(wake, one.deadline);
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake - now).count();
    const int ready = ::poll(entries.data(), entries.size(), static_cast<int>(std::clamp<std::int64_t>(wait, 1, 3'600'000)));
    if (ready < 0 && errno != EINTR) return fail_errno(Step::serve_metrics, errno, "poll");
    if (ready <= 0) continue;
    if (entries[0].revents != 0) return {};
    for (std::size_t i = 0; i < connections.size(); ++i)
      if (entries[i + 2].revents != 0) connections[i].handle();
    if (entries[1].revents == 0) continue;
    last = Clock::now();
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    // A scrape takes milliseconds: of too many it is the oldest that only holds a place.
    if (fd && connections.size() == most_connections) connections.erase(connections.begin());
    if (fd) connections.push_back({std::move(fd), HttpExchange(render)});
    else if (errno == EMFILE || errno == ENFILE) return fail_errno(Step::serve_metrics, errno, "accept4");
  }
}

}  // namespace sbx
