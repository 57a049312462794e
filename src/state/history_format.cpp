#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "state/history.h"

namespace sbx {
namespace {

using nlohmann::ordered_json;

std::string line_of(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// A field of the wrong type makes the whole line invalid: get() throws, and the caller catches.
EndedSandbox ended_of(const nlohmann::json& json) {
  EndedSandbox ended;
  json.at("id").get_to(ended.id);
  json.at("name").get_to(ended.name);
  json.at("profile").get_to(ended.profile);
  json.at("command").get_to(ended.command);
  json.at("scope").get_to(ended.scope);
  json.at("started_us").get_to(ended.started_us);
  json.at("ended_us").get_to(ended.ended_us);
  json.at("ending").get_to(ended.ending);
  json.at("status").get_to(ended.status);
  json.at("setup_us").get_to(ended.setup_us);
  json.at("wall_us").get_to(ended.wall_us);
  json.at("cpu_us").get_to(ended.cpu_us);
  json.at("memory_peak").get_to(ended.memory_peak);
  json.at("oom_kills").get_to(ended.oom_kills);
  json.at("step_us").get_to(ended.step_us);
  return ended;
}

HistoryTotals totals_of(const nlohmann::json& json) {
  HistoryTotals totals;
  for (const auto& exits : json.at("exits"))
    totals.exits[exits.at(0).get<std::string>()][exits.at(1).get<int>()] = exits.at(2).get<std::uint64_t>();
  totals.setup = {json.at("setup").at(0).get<std::uint64_t>(), json.at("setup").at(1).get<std::uint64_t>()};
  for (const auto& [step, sum] : json.at("steps").items())
    totals.steps[step] = {sum.at(0).get<std::uint64_t>(), sum.at(1).get<std::uint64_t>()};
  json.at("oom_kills").get_to(totals.oom_kills);
  return totals;
}

ordered_json json_of(const HistoryTotals& totals) {
  auto exits = ordered_json::array(), setup = ordered_json::array({totals.setup.count, totals.setup.us});
  for (const auto& [profile, statuses] : totals.exits)
    for (const auto& [status, count] : statuses) exits.push_back(ordered_json::array({profile, status, count}));
  auto steps = ordered_json::object();
  for (const auto& [step, sum] : totals.steps) steps[step] = ordered_json::array({sum.count, sum.us});
  return {{"exits", exits}, {"setup", setup}, {"steps", steps}, {"oom_kills", totals.oom_kills}};
}

// `totals` are those of what was forgotten alone.
History parse_parts(std::string_view text) {
  History history;
  for (const auto line : split(text, '\n')) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    try {
      if (json.contains("totals")) history.totals = totals_of(json["totals"]);
      else history.ended.push_back(ended_of(json));
    } catch (const nlohmann::json::exception&) {
      continue;
    }
  }
  return history;
}

}  // namespace

void HistoryTotals::add(const EndedSandbox& ended) {
  ++exits[ended.profile][ended.status];
  setup.count += 1, setup.us += ended.setup_us;
  for (const auto& [step, us] : ended.step_us) steps[step].count += 1, steps[step].us += us;
  oom_kills += ended.oom_kills;
}

std::string format_ended(const EndedSandbox& ended) {
  return line_of({{"id", ended.id}, {"name", ended.name}, {"profile", ended.profile}, {"command", ended.command},
                  {"scope", ended.scope}, {"started_us", ended.started_us}, {"ended_us", ended.ended_us},
                  {"ending", ended.ending}, {"status", ended.status}, {"setup_us", ended.setup_us},
                  {"wall_us", ended.wall_us}, {"cpu_us", ended.cpu_us}, {"memory_peak", ended.memory_peak},
                  {"oom_kills", ended.oom_kills}, {"step_us", ended.step_us}});
}

std::string format_history(const HistoryTotals& forgotten, const std::vector<EndedSandbox>& ended) {
  auto text = line_of({{"totals", json_of(forgotten)}});
  for (const auto& one : ended) text += format_ended(one);
  return text;
}

History parse_history(std::string_view text) {
  auto history = parse_parts(text);
  for (const auto& one : history.ended) history.totals.add(one);
  return history;
}

std::string shorten_history(std::string_view text) {
  auto history = parse_parts(text);
  const auto half = history.ended.begin() + static_cast<std::ptrdiff_t>((history.ended.size() + 1) / 2);
  for (auto one = history.ended.begin(); one != half; ++one) history.totals.add(*one);
  history.ended.erase(history.ended.begin(), half);
  return format_history(history.totals, history.ended);
}

const EndedSandbox* find_ended(const History& history, std::string_view text) {
  const EndedSandbox* found = nullptr;
  for (const auto& one : history.ended)
    if (one.id == text || one.name == text || (text.size() >= 3 && one.id.starts_with(text))) found = &one;
  return found;
}

}  // namespace sbx
