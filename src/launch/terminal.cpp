#include "launch/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "base/text.h"

namespace sbx {
namespace {

// How often a state that no fd tells of is looked at: sbx in the background, and a pty that nobody has open.
constexpr int watch_ms = 250;
// As much as a terminal takes at once where its own description is not to be had: below the kernel's WAKEUP_CHARS.
constexpr std::size_t careful_write = 200;

bool is_ptmx(const struct stat& facts) { return facts.st_rdev == makedev(5, 2); }

// A description of our own for the same terminal, pipe or FIFO. A regular file would be read from its start, and /dev/ptmx
// would be another terminal: they keep the caller's.
CallerEnd open_end(int fd, int access) {
  CallerEnd end;
  end.fd = fd;
  end.terminal = ::isatty(fd) == 1;
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return end;
  end.socket = S_ISSOCK(facts.st_mode);
  if (!(end.terminal && !is_ptmx(facts)) && !S_ISFIFO(facts.st_mode)) return end;
  const std::string path = cat("/proc/self/fd/", fd);
  end.own.reset(::open(path.c_str(), access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (end.own) end.fd = end.own.get(), end.nonblocking = true;
  return end;
}

ssize_t write_end(const CallerEnd& end, std::span<const char> bytes) {
  if (end.socket) return ::send(end.fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (!end.nonblocking) {
    // poll said that there is room, not how much: a pipe has PIPE_BUF then (pipe(7)).
    const std::size_t most = end.terminal ? careful_write : PIPE_BUF;
    if (bytes.size() > most) bytes = bytes.first(most);
  }
  return ::write(end.fd, bytes.data(), bytes.size());
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int first_terminal() {
  for (int fd = 0; fd < 3; ++fd)
    if (::isatty(fd) == 1) return fd;
  return -1;
}

bool same_modes(const termios& one, const termios& other) {
  return one.c_iflag == other.c_iflag && one.c_oflag == other.c_oflag && one.c_cflag == other.c_cflag &&
         one.c_lflag == other.c_lflag && std::memcmp(one.c_cc, other.c_cc, sizeof one.c_cc) == 0;
}

// A terminal that isn't our controlling one knows no foreground: it is used as if we were in it.
bool foreground_on(int fd) {
  const pid_t group = ::tcgetpgrp(fd);
  return group < 0 || group == ::getpgrp();
}

}  // namespace

std::span<char> RelayBuffer::room() {
  if (begin_ != 0 && end_ == bytes_.size()) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {bytes_.data() + end_, bytes_.size() - end_};
}

void RelayBuffer::consumed(std::size_t count) {
  begin_ += count;
  if (begin_ == end_) clear();
}

Result<bool> Terminal::wanted(TerminalMode mode) {
  if (mode == TerminalMode::none) return false;
  const bool input = ::isatty(0) == 1, output = ::isatty(1) == 1;
  if (mode == TerminalMode::require && !input && !output)
    return fail(Step::open_terminal, ErrorKind::host,
                "a terminal was asked for, and neither standard input nor standard output is one",
                "run sbx on a terminal, or leave -t out");
  return mode == TerminalMode::require || (input && output);
}

Terminal::Terminal(UniqueFd master, CallerEnd input, CallerEnd output, int modes_fd)
    : master_(std::move(master)), input_(std::move(input)), output_(std::move(output)),
      buffers_(std::make_unique<Buffers>()), modes_fd_(modes_fd) {}

Terminal::~Terminal() {
  // Not in what was moved from.
  if (buffers_) restore();
}

Result<Terminal> Terminal::attach(UniqueFd master) {
  const int flags = ::fcntl(master.get(), F_GETFL);
  if (flags < 0 || ::fcntl(master.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    return fail_errno(Step::open_terminal, errno, "the sandbox's terminal can't be read without blocking");
  Terminal terminal(std::move(master), open_end(0, O_RDONLY), open_end(1, O_WRONLY), ::isatty(0) == 1 ? 0 : -1);
  if (terminal.modes_fd_ >= 0) {
    if (::tcgetattr(terminal.modes_fd_, &terminal.saved_) != 0)
      return fail_errno(Step::open_terminal, errno, "the modes of standard input's terminal can't be read");
    // The keys and the character set that the user has chosen; in the background these are the modes of another program
    // (a shell at its prompt). On a master side it is the slave's modes that are set.
    if (foreground_on(terminal.modes_fd_) &&
        ::tcsetattr(terminal.master_.get(), TCSANOW, &terminal.saved_) != 0)
      return fail_errno(Step::open_terminal, errno, "the modes of the sandbox's terminal can't be set");
  }
  terminal.resize();
  return terminal;
}

void Terminal::start() {
  running_ = true;
  if (in_foreground()) enter_foreground();
}

void Terminal::suspend() {
  restore();
  running_ = false;
}

void Terminal::resume() {
  if (hung_up_) return;
  running_ = true;
  // Somebody else's modes by now, or still ours where sbx was stopped by SIGSTOP: set_raw() finds out.
  raw_ = false;
  foreground_ = false;
  if (in_foreground()) enter_foreground();
}

bool Terminal::in_foreground() const { return modes_fd_ < 0 || foreground_on(modes_fd_); }

void Terminal::enter_foreground() {
  foreground_ = true;
  set_raw();
  resize();
}

void Terminal::set_raw() {
  if (modes_fd_ < 0 || raw_) return;
  termios now{};
  if (::tcgetattr(modes_fd_, &now) != 0) return;
  if (!same_modes(now, raw_modes_)) saved_ = now;
  raw_modes_ = saved_;
  ::cfmakeraw(&raw_modes_);
  // Where the output goes elsewhere (`sbx run -t -- ... | less`) others still write to this terminal.
  if (!output_.terminal) raw_modes_.c_oflag = saved_.c_oflag;
  raw_ = ::tcsetattr(modes_fd_, TCSANOW, &raw_modes_) == 0;
}

void Terminal::restore() {
  // In the background the modes are those of whoever is in the foreground, and setting them would stop us (SIGTTOU).
  if (raw_ && in_foreground()) ::tcsetattr(modes_fd_, TCSANOW, &saved_);
  raw_ = false;
}

void Terminal::resize() {
  const int fd = first_terminal();
  winsize size{};
  if (fd < 0 || !master_ || ::ioctl(fd, TIOCGWINSZ, &size) != 0) return;
  // Sends SIGWINCH to the foreground process group inside, where the size differs.
  ::ioctl(master_.get(), TIOCSWINSZ, &size);
}

std::array<pollfd, 3> Terminal::poll_fds() const {
  std::array<pollfd, 3> fds{{{-1, POLLIN, 0}, {-1, 0, 0}, {-1, POLLOUT, 0}}};
  if (!running_ || hung_up_) return fds;
  if (input_open_ && foreground_ && !buffers_->to_payload.full()) fds[0].fd = input_.fd;
  if (!buffers_->to_caller.empty()) fds[2].fd = output_.fd;
  // POLLHUP can't be masked and stays for as long as nobody has the other side open.
  if (slave_closed_) return fds;
  if (!buffers_->to_caller.full()) fds[1].events |= POLLIN;
  if (!buffers_->to_payload.empty() || end_keys_ > 0) fds[1].events |= POLLOUT;
  if (fds[1].events != 0) fds[1].fd = master_.get();
  return fds;
}

int Terminal::poll_timeout_ms() const {
  if (!running_ || hung_up_) return -1;
  return slave_closed_ || !foreground_ ? watch_ms : -1;
}

void Terminal::handle(std::span<const pollfd> ready) {
  if (!running_ || hung_up_ || ready.size() < 3) return;
  const bool foreground_now = in_foreground();
  if (foreground_now && !foreground_) enter_foreground();
  foreground_ = foreground_now;
  if (!foreground_) raw_ = false;  // the modes belong to another now
  slave_closed_ = false;           // looked at anew
  if (ready[0].revents != 0 && foreground_) read_caller();
  if (!hung_up_) write_payload();
  if (!hung_up_ && !buffers_->to_caller.full()) read_payload();
  if (!hung_up_ && !buffers_->to_caller.empty() && (output_.nonblocking || output_.socket || ready[2].revents != 0))
    write_caller();
}

void Terminal::read_caller() {
  if (!input_open_) return;
  const std::span<char> room = buffers_->to_payload.room();
  if (room.empty()) return;
  const ssize_t got = ::read(input_.fd, room.data(), room.size());
  if (got > 0) {
    buffers_->to_payload.filled(static_cast<std::size_t>(got));
    input_at_line_start_ = room[static_cast<std::size_t>(got) - 1] == '\n';
    return;
  }
  if (got < 0 && would_block(errno)) return;
  // EIO is also what a reader in the background gets that blocks SIGTTIN.
  if (input_.terminal && !in_foreground()) return;
  // A terminal in raw mode has no end of file: what reads like one is its hangup.
  if (input_.terminal) return hang_up();
  end_input();
}

// A pipe or file that ends is told to the pty as its end-of-file key: at the start of a line alone it means the end,
// behind other characters it hands these over first (termios(3), VEOF).
void Terminal::end_input() {
  input_open_ = false;
  end_keys_ = input_at_line_start_ ? 1 : 2;
}

void Terminal::write_payload() {
  RelayBuffer& buffer = buffers_->to_payload;
  if (buffer.empty() && end_keys_ > 0) {
    termios inner{};
    if (::tcgetattr(master_.get(), &inner) == 0 && (inner.c_lflag & ICANON) != 0) {
      std::memset(buffer.room().data(), inner.c_cc[VEOF], end_keys_);
      buffer.filled(end_keys_);
    }
    end_keys_ = 0;
  }
  if (buffer.empty()) return;
  const ssize_t put = ::write(master_.get(), buffer.pending().data(), buffer.pending().size());
  if (put > 0) buffer.consumed(static_cast<std::size_t>(put));
  else if (put < 0 && errno == EIO) slave_closed_ = true;
}

void Terminal::read_payload() {
  // A pty hands over at most a page at a time; as much as fits, so that a large output costs few polls.
  for (int i = 0; i < 4; ++i) {
    const std::span<char> room = buffers_->to_caller.room();
    if (room.empty()) return;
    const ssize_t got = ::read(master_.get(), room.data(), room.size());
    if (got <= 0) {
      if (got == 0 || !would_block(errno)) slave_closed_ = true;
      return;
    }
    buffers_->to_caller.filled(static_cast<std::size_t>(got));
  }
}

void Terminal::write_caller() {
  const ssize_t put = write_end(output_, buffers_->to_caller.pending());
  if (put > 0) return buffers_->to_caller.consumed(static_cast<std::size_t>(put));
  if (put < 0 && !would_block(errno)) hang_up();
}

void Terminal::hang_up() {
  hung_up_ = true;
  buffers_->to_payload.clear();
  buffers_->to_caller.clear();
  // SIGHUP and SIGCONT for the session inside, as when a real line goes down.
  master_.reset();
}

void Terminal::drain(int wait_ms) {
  running_ = true;
  bool ended = false;
  while (!hung_up_) {
    if (!ended && !buffers_->to_caller.full()) {
      slave_closed_ = false;
      read_payload();
      // EIO: all is read. EAGAIN: somebody holds the other side open; what was written before the end is here already.
      ended = slave_closed_ || buffers_->to_caller.empty();
    }
    if (buffers_->to_caller.empty()) {
      if (ended) return;
      continue;
    }
    pollfd fds[] = {{output_.fd, POLLOUT, 0}, {foreground_ && input_.terminal ? input_.fd : -1, POLLIN, 0}};
    const int count = ::poll(fds, 2, wait_ms);
    if (count == 0 || (count < 0 && errno != EINTR)) return;
    if (fds[0].revents != 0) write_caller();
    if (fds[1].revents == 0) continue;
    // Nobody is left inside to take keys: the interrupt key is for us.
    char keys[64];
    const ssize_t got = ::read(input_.fd, keys, sizeof keys);
    if (got == 0 || (got < 0 && !would_block(errno))) return;
    if (got > 0 && std::memchr(keys, saved_.c_cc[VINTR], static_cast<std::size_t>(got)) != nullptr) return;
  }
}

TerminalGuard::TerminalGuard() : fd_(first_terminal()) {
  if (fd_ >= 0 && ::tcgetattr(fd_, &saved_) != 0) fd_ = -1;
}

TerminalGuard::~TerminalGuard() {
  termios now{};
  if (fd_ < 0 || ::tcgetattr(fd_, &now) != 0 || same_modes(now, saved_) || !foreground_on(fd_)) return;
  ::tcsetattr(fd_, TCSANOW, &saved_);
}

}  // namespace sbx
