#include "cli/attach_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "cli/attach_protocol.h"

namespace sbx {
namespace {

constexpr std::size_t most_clients = 8;
constexpr std::size_t most_queued = 1 << 20;  // of a client that doesn't read: then it is let go
constexpr std::size_t most_input = 64 << 10;  // that the terminal hasn't taken: then no client is heard
constexpr std::size_t most_screen = 64 << 10;
constexpr std::string_view enter_alternate = "\x1b[?1049h", leave_alternate = "\x1b[?1049l";

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// Whoever may reach the directory is the same user; the socket's mode and this say it again.
bool is_own_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == ::geteuid() || peer.uid == 0);
}

}  // namespace

AttachServer::~AttachServer() {
  for (const auto& client : clients_) events_.remove(client->socket.get());
  if (listener_) events_.remove(listener_.get()), ::unlinkat(directory_, name_.c_str(), 0);
  if (master_) events_.remove(master_.get());
}

Result<> AttachServer::open(int directory, const std::string& id) {
  directory_ = directory;
  name_ = cat(id, attach_suffix);
  const int flags = ::fcntl(master_.get(), F_GETFL);
  if (::fcntl(master_.get(), F_SETFL, flags | O_NONBLOCK) != 0) return fail_errno(Step::open_terminal, errno, "the terminal in the background");
  listener_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // By the directory's descriptor: its path may be longer than a socket's address (unix(7)).
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = cat("/proc/self/fd/", directory, "/", name_);
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ::unlinkat(directory, name_.c_str(), 0);
  const mode_t before = ::umask(0177);
  const bool listens = listener_ && ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                       ::listen(listener_.get(), most_clients) == 0;
  const int error = errno;
  ::umask(before);
  if (!listens) return fail_errno(Step::register_sandbox, error, cat("the socket ", name_, " in the registry of running sandboxes"));
  SBX_TRY(events_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); }));
  return events_.add(master_.get(), EPOLLIN, [this](std::uint32_t) { read_output(), write_input(); });
}

void AttachServer::accept() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket || !is_own_user(socket.get()) || clients_.size() >= most_clients) return;
  clients_.push_back(std::make_unique<Client>(std::move(socket)));
  Client& client = *clients_.back();
  replay(client);
  watch(client);
  forget_the_gone();
}

void AttachServer::replay(Client& client) {
  std::string head = alternate_ ? std::string(enter_alternate) : std::string();
  // Where more came before, the first line may begin in the middle of a character or a control sequence.
  const auto begin = cut_ ? std::min(screen_.find('\n'), screen_.size()) : 0;
  send(client, cat(static_cast<char>(AttachMessage::output), head, "\x1b[0m"));
  for (std::size_t at = begin; at < screen_.size(); at += attach_chunk)
    send(client, cat(static_cast<char>(AttachMessage::output), std::string_view(screen_).substr(at, attach_chunk)));
}

void AttachServer::watch(Client& client) {
  if (client.gone) return;
  const std::uint32_t interest = (input_.size() < most_input ? EPOLLIN : 0U) | (client.queue.empty() ? 0U : EPOLLOUT);
  const auto added = events_.add(client.socket.get(), interest, [this, &client](std::uint32_t ready) {
    if ((ready & EPOLLOUT) != 0) flush(client);
    if ((ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) hear(client);
    watch(client);
    forget_the_gone();
  });
  if (!added) client.gone = true;
}

void AttachServer::forget_the_gone() {
  std::erase_if(clients_, [this](const auto& client) {
    if (client->gone) events_.remove(client->socket.get());
    return client->gone;
  });
}

void AttachServer::hear(Client& client) {
  char message[attach_chunk + 1];
  const ssize_t got = ::recv(client.socket.get(), message, sizeof message, MSG_DONTWAIT);
  if (got > 0) return take(client, message, static_cast<std::size_t>(got));
  if (got == 0 || !would_block(errno)) client.gone = true;
}

void AttachServer::take(Client& client, const char* message, std::size_t size) {
  const char* const content = message + 1;
  --size;
  switch (static_cast<AttachMessage>(message[0])) {
    case AttachMessage::input:
      input_.append(content, size);
      return write_input();
    case AttachMessage::size: {
      AttachSize wanted{};
      if (size != sizeof wanted) break;
      std::memcpy(&wanted, content, sizeof wanted);
      // The launcher, whose terminal's other side this is, hears of it (SIGWINCH) and passes it on.
      const winsize value{wanted.rows, wanted.columns, 0, 0};
      ::ioctl(master_.get(), TIOCSWINSZ, &value);
      return;
    }
    case AttachMessage::signal:
      // To this very launcher, which forwards those that it forwards.
      if (size != 1 || content[0] <= 0 || content[0] >= SIGSYS) break;
      ::kill(::getpid(), content[0]);
      return;
    default: break;
  }
  client.gone = true;  // speaks another language
}

void AttachServer::write_input() {
  while (!input_.empty()) {
    const ssize_t put = ::write(master_.get(), input_.data(), input_.size());
    if (put <= 0) break;
    input_.erase(0, static_cast<std::size_t>(put));
  }
  watch_master();
}

void AttachServer::watch_master() {
  static_cast<void>(events_.add(master_.get(), EPOLLIN | (input_.empty() ? 0U : EPOLLOUT), [this](std::uint32_t) {
    const bool was_full = input_.size() >= most_input;
    read_output();
    write_input();
    if (was_full && input_.size() < most_input)
      for (const auto& client : clients_) watch(*client);
    forget_the_gone();
  }));
}

void AttachServer::read_output() {
  char bytes[attach_chunk];
  // A few at a time: others are to be attended to as well.
  for (int i = 0; i < 4; ++i) {
    const ssize_t got = ::read(master_.get(), bytes, sizeof bytes);
    if (got <= 0) return;
    remember(bytes, static_cast<std::size_t>(got));
    for (const auto& client : clients_) {
      send(*client, cat(static_cast<char>(AttachMessage::output), std::string_view(bytes, static_cast<std::size_t>(got))));
      watch(*client);
    }
    forget_the_gone();
  }
}

void AttachServer::remember(const char* bytes, std::size_t size) {
  const std::size_t before = screen_.size();
  screen_.append(bytes, size);
  // A sequence may have begun in what came before.
  const auto from = before > enter_alternate.size() ? before - enter_alternate.size() : 0;
  const auto entered = screen_.rfind(enter_alternate), left = screen_.rfind(leave_alternate);
  const bool has_entered = entered != std::string::npos && entered >= from, has_left = left != std::string::npos && left >= from;
  if (has_entered || has_left) alternate_ = has_entered && (!has_left || entered > left);
  if (screen_.size() <= most_screen) return;
  screen_.erase(0, screen_.size() - most_screen / 2);
  cut_ = true;
}

void AttachServer::send(Client& client, std::string message) {
  if (client.gone) return;
  if (client.queue.empty()) {
    if (::send(client.socket.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return;
    if (!would_block(errno)) {
      client.gone = true;
      return;
    }
  }
  client.queued += message.size();
  client.queue.push_back(std::move(message));
  if (client.queued > most_queued) client.gone = true;
}

void AttachServer::flush(Client& client) {
  std::size_t sent = 0;
  while (sent < client.queue.size()) {
    const auto& message = client.queue[sent];
    if (::send(client.socket.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (!would_block(errno)) client.gone = true;
      break;
    }
    client.queued -= message.size();
    ++sent;
  }
  client.queue.erase(client.queue.begin(), client.queue.begin() + static_cast<std::ptrdiff_t>(sent));
}

void AttachServer::finish(int status) {
  read_output();
  const char end[] = {static_cast<char>(AttachMessage::end), static_cast<char>(status)};
  for (const auto& client : clients_) {
    send(*client, std::string(end, sizeof end));
    // Those that read at all have the rest within a second.
    const timeval patience{1, 0};
    ::setsockopt(client->socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::fcntl(client->socket.get(), F_SETFL, 0);  // blocking
    for (const auto& message : client->queue)
      if (client->gone || ::send(client->socket.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) break;
  }
}

}  // namespace sbx
