#include "proxy/loop.h"

#include <poll.h>

#include <algorithm>

namespace sbx::proxy {

Loop::Timer Loop::after(Clock::duration wait, std::function<void()> work) {
  const Timer timer(Clock::now() + wait, next_++);
  timers_.emplace(timer, std::move(work));
  return timer;
}

void Loop::run() {
  while (!stopped_) {
    int wait_ms = deferred_.empty() ? -1 : 0;
    if (wait_ms != 0 && !timers_.empty()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now()).count();
      wait_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    pollfd entry{events.fd(), POLLIN, 0};
    static_cast<void>(::poll(&entry, 1, wait_ms));
    events.dispatch();
    while (!timers_.empty() && timers_.begin()->first.first <= Clock::now()) {
      const auto work = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      work();
    }
    // What is deferred meanwhile is done next round, so that no one keeps the others waiting.
    auto now = std::move(deferred_);
    deferred_.clear();
    for (const auto& work : now) work();
  }
}

}  // namespace sbx::proxy
