// What was decided: the last decisions, and those who follow them.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

namespace sbx::proxy {

struct Decision {
  std::string_view event;  // resolved, allowed, refused, closed
  std::string_view protocol;  // dns, tcp, udp
  std::string name = {}, address = {};
  std::uint16_t port = 0;
  std::string reason = {};  // where refused
  std::uint64_t connection = 0;  // joins `allowed` and `closed`; 0: none
  std::uint64_t sent = 0, received = 0, time_us = 0;  // with closed; by the sandbox
};

class Journal {
 public:
  using Follower = std::function<void(const std::string& line)>;
  void add(const Decision& decision);
  const std::deque<std::string>& lines() const { return lines_; }
  void follow(int key, Follower follower) { followers_[key] = std::move(follower); }
  void unfollow(int key) { followers_.erase(key); }

 private:
  static constexpr std::size_t most_lines = 4096;
  std::deque<std::string> lines_;  // JSON, one object each
  std::map<int, Follower> followers_;
};

}  // namespace sbx::proxy
