#include "egress/answers.h"

#include <algorithm>

namespace sbx {

std::chrono::seconds Answers::life(std::uint32_t ttl) {
  return std::clamp(std::chrono::seconds(ttl), least_life, most_life);
}

bool Answers::add(const IpAddress& address, const std::string& name, std::uint32_t ttl, Clock::time_point now) {
  if (entries_ >= most_entries) forget_dead(now);
  auto& names = table_[address];
  const auto end = now + life(ttl);
  if (const auto known = names.find(name); known != names.end()) {
    known->second = std::max(known->second, end);
    return true;
  }
  if (entries_ >= most_entries) {
    if (names.empty()) table_.erase(address);
    return false;
  }
  names.emplace(name, end);
  ++entries_;
  return true;
}

std::vector<std::string> Answers::names(const IpAddress& address, Clock::time_point now) const {
  std::vector<std::string> out;
  if (const auto found = table_.find(address); found != table_.end())
    for (const auto& [name, end] : found->second)
      if (end > now) out.push_back(name);
  return out;
}

void Answers::forget_dead(Clock::time_point now) {
  for (auto address = table_.begin(); address != table_.end();) {
    entries_ -= std::erase_if(address->second, [&](const auto& entry) { return entry.second <= now; });
    address = address->second.empty() ? table_.erase(address) : std::next(address);
  }
}

}  // namespace sbx
