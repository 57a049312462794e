#include "cli/attach.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "cli/attach_protocol.h"
#include "cli/output.h"
#include "launch/monitor.h"
#include "state/registry.h"
#include "state/running_sandbox.h"

namespace sbx {
namespace {

constexpr int send_patience_s = 10;
// What is passed on; the rest is about sbx itself.
constexpr int proxied[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

struct AttachRequest {
  std::string sandbox;
  std::string keys = "\x10\x11";  // ctrl-p, ctrl-q
  bool input = true, proxy = true;
};

// Raw mode of standard input's terminal, for the time of its life.
class RawTerminal {
 public:
  RawTerminal() : is_terminal_(::isatty(0) == 1 && ::tcgetattr(0, &saved_) == 0) {
    if (!is_terminal_) return;
    termios raw = saved_;
    ::cfmakeraw(&raw);
    ::tcsetattr(0, TCSANOW, &raw);
  }
  ~RawTerminal() {
    if (is_terminal_) ::tcsetattr(0, TCSANOW, &saved_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  bool is_terminal() const { return is_terminal_; }

 private:
  termios saved_{};
  bool is_terminal_;
};

Result<UniqueFd> connect_to(const Registry& registry, const RunningSandbox& sandbox) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = cat("/proc/self/fd/", registry.fd(), "/", sandbox.id(), attach_suffix);
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (socket && ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const timeval patience{send_patience_s, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return socket;
  }
  const int error = errno;
  if (error == ENOENT || error == ECONNREFUSED)
    return fail(Step::find_sandbox, ErrorKind::usage, cat("sandbox ", sandbox.entry().name, " has no terminal in the background"),
                cat("only those that sbx run -d -t started have; sbx exec -t ", sandbox.entry().name, " -- sh runs a shell in it"));
  return fail_errno(Step::find_sandbox, error, cat("the terminal of sandbox ", sandbox.entry().name));
}

class Session {
 public:
  Session(UniqueFd socket, const AttachRequest& request, int signals, bool terminal)
      : socket_(std::move(socket)), request_(request), signals_(signals), terminal_(terminal), input_open_(request.input) {}

  Result<int> run() {
    send_size();
    while (!status_) {
      pollfd entries[] = {{socket_.get(), POLLIN, 0}, {signals_, POLLIN, 0}, {input_open_ ? 0 : -1, POLLIN, 0}};
      if (::poll(entries, 3, -1) < 0 && errno != EINTR) return fail_errno(Step::monitor, errno, "poll");
      if (entries[0].revents != 0) SBX_TRY(hear());
      if (entries[1].revents != 0) hear_signal();
      if (entries[2].revents != 0 && !status_) read_input();
    }
    return *status_;
  }
  bool left() const { return left_; }

 private:
  void say(AttachMessage kind, const char* bytes, std::size_t size) {
    std::string message(1, static_cast<char>(kind));
    message.append(bytes, size);
    // A launcher that is gone shows where it is heard.
    static_cast<void>(::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL));
  }

  void send_size() {
    winsize size{};
    if (!terminal_ || ::ioctl(0, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return;
    const AttachSize wanted{size.ws_row, size.ws_col};
    say(AttachMessage::size, reinterpret_cast<const char*>(&wanted), sizeof wanted);
  }

  Result<> hear() {
    char message[attach_chunk + 64];
    const ssize_t got = ::recv(socket_.get(), message, sizeof message, 0);
    if (got < 0 && errno == EINTR) return {};
    if (got <= 0) return fail(Step::monitor, ErrorKind::host, "the sandbox's launcher let go of this terminal, or has ended", "see sbx ps; attach again where it runs, and read faster than it writes");
    if (message[0] == static_cast<char>(AttachMessage::end) && got == 2) return status_ = static_cast<unsigned char>(message[1]), Result<>{};
    if (message[0] != static_cast<char>(AttachMessage::output)) return fail(Step::monitor, ErrorKind::internal, "the launcher is of another version of sbx");
    return write_all(1, std::string_view(message + 1, static_cast<std::size_t>(got) - 1), "standard output");
  }

  void hear_signal() {
    signalfd_siginfo info;
    if (::read(signals_, &info, sizeof info) != sizeof info) return;
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGWINCH) return send_size();
    if (std::ranges::find(proxied, signal) == std::end(proxied)) return;
    // A terminal that hangs up takes this with it, and not the sandbox.
    if (!request_.proxy || signal == SIGHUP) status_ = 128 + signal;
    const char number = static_cast<char>(signal);
    if (!status_) say(AttachMessage::signal, &number, 1);
  }

  void read_input() {
    char bytes[4096];
    const ssize_t got = ::read(0, bytes, sizeof bytes);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) return void(input_open_ = false);
    std::string out;
    for (ssize_t i = 0; i < got && !left_; ++i) pass(bytes[i], out);
    for (std::size_t at = 0; at < out.size(); at += attach_chunk)
      say(AttachMessage::input, out.data() + at, std::min(attach_chunk, out.size() - at));
  }

  // Holds back what may become the detach keys.
  void pass(char byte, std::string& out) {
    const std::string& keys = request_.keys;
    if (keys.empty()) return void(out += byte);
    if (byte != keys[matched_]) {
      // The longest beginning of the keys that what was typed ends in still may become them.
      std::string typed = keys.substr(0, matched_) + byte;
      std::size_t keep = std::min(typed.size(), keys.size() - 1);
      while (keep > 0 && !keys.starts_with(std::string_view(typed).substr(typed.size() - keep))) --keep;
      out.append(typed, 0, typed.size() - keep);
      matched_ = keep;
      return;
    }
    if (++matched_ < keys.size()) return;
    left_ = true;
    status_ = 0;
  }

  UniqueFd socket_;
  const AttachRequest& request_;
  int signals_;
  bool terminal_, input_open_, left_ = false;
  std::size_t matched_ = 0;
  std::optional<int> status_;
};

Result<AttachRequest> read_options(const ParsedLine& line) {
  AttachRequest request;
  for (const auto& parsed : line.options) {
    if (parsed.option->name == "detach-keys") {
      SBX_ASSIGN(request.keys, parse_detach_keys(parsed.value));
    }
    if (parsed.option->name == "no-stdin") request.input = false;
    if (parsed.option->name != "sig-proxy") continue;
    if (parsed.value != "true" && parsed.value != "false") return fail(usage_error(cat("--sig-proxy=", parsed.value, ": neither true nor false")));
    request.proxy = parsed.value == "true";
  }
  if (line.words.size() != 1) return fail(usage_error("one sandbox is to be named", "write sbx attach SANDBOX; sbx ps lists those that run"));
  request.sandbox = line.words[0];
  return request;
}

}  // namespace

Result<std::string> parse_detach_keys(std::string_view text) {
  std::string keys;
  if (text.empty()) return keys;
  for (const auto word : split(text, ',')) {
    if (word.size() == 1) {
      keys += word[0];
      continue;
    }
    const char letter = word.size() == 6 && word.starts_with("ctrl-") ? word[5] : ' ';
    const bool known = (letter >= 'a' && letter <= 'z') || std::string_view("@^[\\]_").find(letter) != std::string_view::npos;
    if (!known) return fail(usage_error(cat("--detach-keys ", text, ": ", word, " is no key"), "write e.g. ctrl-p,ctrl-q, or ctrl-a,d"));
    keys += static_cast<char>(letter & 0x1f);
  }
  return keys;
}

Result<int> attach_command(const ParsedLine& line) {
  SBX_ASSIGN(const auto request, read_options(line));
  SBX_ASSIGN(const auto registry, Registry::open());
  SBX_ASSIGN(const auto sandbox, find_sandbox(registry, request.sandbox));
  SBX_ASSIGN(auto socket, connect_to(registry, sandbox));
  SBX_ASSIGN(const auto signals, BlockedSignals::block());
  Result<int> status = 0;
  bool left = false;
  {
    const RawTerminal terminal;
    Session session(std::move(socket), request, signals.fd(), terminal.is_terminal());
    status = session.run();
    left = session.left();
  }
  if (left) complain(cat("left sandbox ", sandbox.entry().name, " to itself; sbx attach ", sandbox.entry().name, " takes it up again"));
  return status;
}

}  // namespace sbx
