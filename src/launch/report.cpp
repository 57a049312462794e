#include "launch/report.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sbx {
namespace {

constexpr std::string_view ending_names[] = {"exited", "signalled", "out_of_memory", "timed_out"};

}  // namespace

std::string report_json(const ExitReport& report) {
  nlohmann::ordered_json json = {{"ending", ending_names[static_cast<std::size_t>(report.ending)]},
                                 {"exit_code", report.exit_code},
                                 {"signal", report.signal},
                                 {"scope", report.scope},
                                 {"wall_time_us", report.wall_time_us},
                                 {"setup_time_us", report.setup_time_us},
                                 {"user_time_us", report.user_time_us},
                                 {"system_time_us", report.system_time_us},
                                 {"max_rss_bytes", report.max_rss_bytes}};
  json["losses"] = nlohmann::ordered_json::array();
  for (const auto& loss : report.losses)
    json["losses"].push_back({{"protection", loss.protection}, {"reason", loss.reason}, {"remedy", loss.remedy}});
  json["receipt"] = nlohmann::ordered_json::array();
  for (const auto& item : report.receipt)
    json["receipt"].push_back({{"protection", item.protection}, {"asked", item.asked}, {"found", item.found}, {"enforced", item.enforced}});
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string report_text(const ExitReport& report) {
  auto text = cat("wall time ", report.wall_time_us, " us, setup ", report.setup_time_us, " us\n");
  for (const auto& item : report.receipt)
    text += cat(item.enforced ? "enforced  " : "MISSING   ", item.protection, "  ", escape_control(item.asked), "  ", escape_control(item.found), "\n");
  return text;
}

std::string ending_in_words(const ExitReport& report) {
  if (report.ending == Ending::timed_out) return "the command was ended: its time, limits.wall_time, was over";
  if (report.ending == Ending::out_of_memory)
    return "the command was killed for memory; raise cgroup.memory.max (--memory)";
  return {};
}

}  // namespace sbx
