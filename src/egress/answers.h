// What the resolver has answered: which allowed names an address stands for, and until when. Bounded.
#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "egress/address.h"

namespace sbx {

class Answers {
 public:
  using Clock = std::chrono::steady_clock;
  // Programs keep answers of their own for a while, however short these live (a Java program for 30 s).
  static constexpr std::chrono::seconds least_life{30};
  static constexpr std::chrono::seconds most_life{3600};
  static constexpr std::size_t most_entries = 16384;

  // How long an answer of this TTL lives here.
  static std::chrono::seconds life(std::uint32_t ttl);
  // False: the table is full of living answers, and this one isn't in it.
  bool add(const IpAddress& address, const std::string& name, std::uint32_t ttl, Clock::time_point now);
  // Those that live, sorted.
  std::vector<std::string> names(const IpAddress& address, Clock::time_point now) const;
  std::size_t size() const { return entries_; }

 private:
  void forget_dead(Clock::time_point now);
  std::map<IpAddress, std::map<std::string, Clock::time_point>> table_;
  std::size_t entries_ = 0;
};

}  // namespace sbx
