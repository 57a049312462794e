#include "egress/helper_words.h"

#include <nlohmann/json.hpp>

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

}  // namespace

std::string format_helper_request(const HelperRequest& request) {
  return dump({{"allow", request.allow}, {"deny", request.deny}, {"learn", request.learn}});
}

std::optional<HelperRequest> parse_helper_request(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  HelperRequest out;
  for (const auto& [key, list] : {std::pair{"allow", &out.allow}, std::pair{"deny", &out.deny}})
    for (const auto& rule : json.value(key, Json::array())) {
      if (!rule.is_string()) return std::nullopt;
      list->push_back(rule.get<std::string>());
    }
  out.learn = json.value("learn", Json(false)) == true;
  return out;
}

std::string format_helper_answer(const Result<>& ready) {
  if (ready) return "{\"ready\":true}";
  const Error& error = ready.error();
  return dump({{"step", step_name(error.step)}, {"errno", error.errno_value}, {"what", error.what}, {"hint", error.hint}});
}

Result<> parse_helper_answer(std::string_view line) {
  const auto json = Json::parse(line, nullptr, false);
  if (json.is_object() && json.value("ready", Json(false)) == true) return {};
  Error error{Step::set_up_network, ErrorKind::host, 0, "the network helper doesn't answer in its own words"};
  if (json.is_object() && json.value("what", Json()).is_string()) {
    error.what = json["what"].get<std::string>();
    if (const auto hint = json.value("hint", Json()); hint.is_string()) error.hint = hint.get<std::string>();
    if (const auto number = json.value("errno", Json()); number.is_number_integer()) error.errno_value = number.get<int>();
    if (const auto step = json.value("step", Json()); step.is_string()) error.step = step_by_name(step.get<std::string>()).value_or(error.step);
  }
  return fail(std::move(error));
}

}  // namespace sbx
