// The helper's one loop: descriptors, timers, and what is to be done next round.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "kernel/events.h"

namespace sbx::proxy {

class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using Timer = std::pair<Clock::time_point, std::uint64_t>;

  Events events;
  Timer after(Clock::duration wait, std::function<void()> work);
  void cancel(const Timer& timer) { timers_.erase(timer); }
  // After the handlers of this round: the place to destroy what a handler stands in.
  void defer(std::function<void()> work) { deferred_.push_back(std::move(work)); }
  void stop() { stopped_ = true; }
  void run();

 private:
  std::map<Timer, std::function<void()>> timers_;
  std::vector<std::function<void()>> deferred_;
  std::uint64_t next_ = 0;
  bool stopped_ = false;
};

}  // namespace sbx::proxy
