#include "proxy/pipes.h"

#include <fcntl.h>

namespace sbx::proxy {

std::unique_ptr<Pipe> Pipes::take() {
  if (!idle_.empty()) {
    auto out = std::move(idle_.back());
    idle_.pop_back();
    return out;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return nullptr;
  auto out = std::make_unique<Pipe>();
  out->read.reset(ends[0]), out->write.reset(ends[1]);
  // What the user's pages for pipes don't reach for stays smaller (pipe(7)).
  static_cast<void>(::fcntl(ends[1], F_SETPIPE_SZ, wanted_size));
  return out;
}

void Pipes::give_back(std::unique_ptr<Pipe> pipe) {
  if (pipe && pipe->filled == 0 && idle_.size() < most_idle) idle_.push_back(std::move(pipe));
}

}  // namespace sbx::proxy
