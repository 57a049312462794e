#include "proxy/journal.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

namespace sbx::proxy {

void Journal::add(const Decision& decision) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  nlohmann::ordered_json out;
  out["time_us"] = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  out["event"] = decision.event;
  out["protocol"] = decision.protocol;
  out["name"] = decision.name.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(decision.name);
  if (!decision.address.empty()) out["address"] = decision.address;
  if (decision.port != 0) out["port"] = decision.port;
  if (!decision.reason.empty()) out["reason"] = decision.reason;
  if (decision.connection != 0) out["connection"] = decision.connection;
  if (decision.event == "closed") {
    out["sent"] = decision.sent;
    out["received"] = decision.received;
    out["duration_us"] = decision.time_us;
  }
  // Names are normalized or were replaced: a dump that fails on their bytes would be an end by a client's word.
  lines_.push_back(out.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace));
  if (lines_.size() > most_lines) lines_.pop_front();
  // A follower that fails takes itself off the list.
  std::vector<Follower> now_following;
  for (const auto& [key, follower] : followers_) now_following.push_back(follower);
  for (const auto& follower : now_following) follower(lines_.back());
}

}  // namespace sbx::proxy
