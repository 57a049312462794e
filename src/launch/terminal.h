// The relay between the caller's terminal and the sandbox's own (pty(7)), driven by the parent's poll loop.
//
// The caller's terminal is in raw mode while the payload runs in the foreground, so that ^C, ^Z and the rest reach the
// line discipline of the sandbox's pty, which knows the jobs inside. Its modes are put back when the sandbox ends or
// stops, whatever the reason; only SIGKILL of sbx itself leaves them as they are (`stty sane`).
//
// The caller's open file descriptions are never changed: others share them. The relay opens its own, non-blocking ones
// through /proc/self/fd, and where that can't be done it goes by what poll(2) says.
#pragma once
#include <poll.h>
#include <termios.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "spec/sandbox_spec.h"

namespace sbx {

// Bytes on their way in one direction.
class RelayBuffer {
 public:
  bool empty() const { return begin_ == end_; }
  bool full() const { return end_ == bytes_.size() && begin_ == 0; }
  // Where to read to; empty where the buffer is full.
  std::span<char> room();
  void filled(std::size_t count) { end_ += count; }
  std::span<const char> pending() const { return {bytes_.data() + begin_, end_ - begin_}; }
  void consumed(std::size_t count);
  void clear() { begin_ = end_ = 0; }

 private:
  std::array<char, 8192> bytes_;
  std::size_t begin_ = 0, end_ = 0;
};

// One end of the relay on the caller's side.
struct CallerEnd {
  UniqueFd own;           // our description of the same file; empty: `fd` is the caller's
  int fd = -1;
  bool terminal = false;
  bool nonblocking = false;
  bool socket = false;
};

class Terminal {
 public:
  // Whether the payload gets a terminal: where both standard input and output are one, and by force where one is.
  static Result<bool> wanted(TerminalMode mode);

  // Takes the pty's master side: gives it the size and the modes of the caller's terminal, which is not yet touched.
  static Result<Terminal> attach(UniqueFd master);
  Terminal(Terminal&&) noexcept = default;
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  // Raw mode, and bytes flow: when the payload starts, so that an error before is printed on a sane terminal.
  void start();
  // What to wait for; an fd of -1 where nothing is awaited.
  std::array<pollfd, 3> poll_fds() const;
  // How soon handle() wants to be called at the latest though no fd is ready; -1: no limit.
  int poll_timeout_ms() const;
  // Moves what can be moved. Never blocks, but on an output that could not be opened anew.
  void handle(std::span<const pollfd> ready);
  // The caller's terminal changed its size (SIGWINCH).
  void resize();
  // Before sbx stops itself, and after SIGCONT, whoever stopped it. In the background the caller's terminal is neither
  // read nor changed; it is watched for a return to the foreground, which no signal tells of.
  void suspend();
  void resume();
  // The caller's terminal or output is gone: the master side is closed, so that the session inside got SIGHUP.
  bool hung_up() const { return hung_up_; }
  // After the sandbox has ended: its last output. Gives up after `wait_ms` without progress, or on the interrupt key.
  void drain(int wait_ms);
  // Puts the caller's terminal back. Can be called again and again.
  void restore();

 private:
  struct Buffers {
    RelayBuffer to_payload, to_caller;
  };
  Terminal(UniqueFd master, CallerEnd input, CallerEnd output, int modes_fd);
  bool in_foreground() const;
  void enter_foreground();
  void set_raw();
  void read_caller();
  void write_payload();
  void read_payload();
  void write_caller();
  void end_input();
  void hang_up();

  UniqueFd master_;
  CallerEnd input_, output_;
  std::unique_ptr<Buffers> buffers_;
  int modes_fd_ = -1;           // the caller's fd whose modes are changed; -1: standard input is no terminal
  termios saved_{}, raw_modes_{};
  bool raw_ = false;
  bool running_ = false;        // between start() or resume() and suspend()
  bool foreground_ = false;
  bool input_open_ = true;
  bool input_at_line_start_ = true;
  std::size_t end_keys_ = 0;    // end-of-file keys still to be written
  bool slave_closed_ = false;   // nobody has the pty's other side open: reading says EIO, and may not for ever
  bool hung_up_ = false;
};

// The modes of the caller's terminal where the payload uses it as it is (`sbx run -- stty raw >file`): saved here, and
// put back by the destructor where they differ and sbx is in the foreground.
class TerminalGuard {
 public:
  TerminalGuard();
  ~TerminalGuard();
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;

 private:
  int fd_ = -1;
  termios saved_{};
};

}  // namespace sbx
