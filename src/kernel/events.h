// One epoll (epoll(7)) for what a waiting process attends to beside its main job: descriptors with what to do for each.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx {

class Events {
 public:
  using Handler = std::function<void(std::uint32_t ready)>;  // `ready`: EPOLLIN, ...

  // The descriptor to wait on: readable when dispatch() has work. -1 while nothing was ever added.
  int fd() const { return epoll_.get(); }
  // Calls `handler` when `fd`, which is borrowed, is ready. A second time for the same fd replaces the first.
  Result<> add(int fd, std::uint32_t events, Handler handler);
  // Before the fd is closed. A handler may remove itself and others. Does nothing for an unknown fd.
  void remove(int fd);
  // Runs the handlers of what is ready. Never blocks. Handlers must not block either.
  void dispatch();

  // What to do when a child of the process stopped or ended; for the loop that has the signals.
  std::function<void()> child_changed = {};

 private:
  UniqueFd epoll_;
  // Shared, so that a handler that removes itself lives until it returns.
  std::map<int, std::shared_ptr<Handler>> handlers_;
};

}  // namespace sbx
