// When each Step ran and for how long, by CLOCK_MONOTONIC. Plain data: the child sends its own as they are.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>

#include "base/step.h"

namespace sbx {

struct StepTimes {
  std::array<std::uint32_t, step_count> us{};  // in it, all times that it ran together; 0: not run
  std::array<std::uint64_t, step_count> begin_ns{}, end_ns{};  // of the first time, and of the last; 0: not run

  constexpr void add(Step step, std::uint64_t from_ns, std::uint64_t to_ns) {
    const auto at = static_cast<std::size_t>(step);
    us[at] += static_cast<std::uint32_t>((to_ns - from_ns) / 1000);
    if (begin_ns[at] == 0 || begin_ns[at] > from_ns) begin_ns[at] = from_ns;
    if (end_ns[at] < to_ns) end_ns[at] = to_ns;
  }
  constexpr void add(const StepTimes& other) {
    for (std::size_t i = 0; i < step_count; ++i) {
      if (other.begin_ns[i] == 0) continue;
      add(static_cast<Step>(i), other.begin_ns[i], other.begin_ns[i]);
      us[i] += other.us[i];
      if (end_ns[i] < other.end_ns[i]) end_ns[i] = other.end_ns[i];
    }
  }
};

// Of the launcher's own steps: from here to the end of the block.
class StepTimer {
 public:
  StepTimer(StepTimes& times, Step step) : times_(times), step_(step) {}
  ~StepTimer() { times_.add(step_, begin_ns_, now_ns()); }
  StepTimer(const StepTimer&) = delete;
  StepTimer& operator=(const StepTimer&) = delete;
  static std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  }

 private:
  StepTimes& times_;
  Step step_;
  std::uint64_t begin_ns_ = now_ns();
};

}  // namespace sbx
