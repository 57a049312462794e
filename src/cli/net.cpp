#include "cli/net.h"

#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "net/filter_control.h"
#include "net/groups.h"
#include "state/running_sandbox.h"

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? escape_control(found->get<std::string>()) : std::string();
}
std::uint64_t number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// "22:10:03.123 refused  tcp www.example.org 192.0.2.1:443: why"
std::string log_line(const Json& entry) {
  const auto time_us = number_of(entry, "time_us");
  const auto seconds = static_cast<time_t>(time_us / 1'000'000);
  tm parts{};
  ::localtime_r(&seconds, &parts);
  char clock[16], fraction[8];
  const auto length = ::strftime(clock, sizeof clock, "%H:%M:%S", &parts);
  std::snprintf(fraction, sizeof fraction, ".%03u ", static_cast<unsigned>(time_us / 1000 % 1000));
  auto event = text_of(entry, "event");
  event.resize(std::max<std::size_t>(event.size(), 8), ' ');
  const auto name = text_of(entry, "name"), address = text_of(entry, "address"), reason = text_of(entry, "reason");
  const auto port = number_of(entry, "port");
  std::string out = cat(std::string_view(clock, length), fraction, event, " ", text_of(entry, "protocol"), name.empty() ? "" : " ", name, address.empty() ? "" : " ", address);
  if (port != 0) out += cat(" port ", port);
  if (!reason.empty()) out += cat(": ", reason);
  if (text_of(entry, "event") == "closed") out += cat(": ", number_of(entry, "sent"), " bytes sent, ", number_of(entry, "received"), " received");
  return out;
}

std::string rules_text(const Json& answer) {
  std::string out = answer.value("learning", Json(false)) == true ? "everything is let out, to learn what is used\n" : "";
  for (const char* kind : {"allow", "deny"})
    if (answer.contains(kind))
      for (const auto& rule : answer[kind])
        if (rule.is_string()) out += cat(kind, kind[0] == 'a' ? " " : "  ", escape_control(rule.get<std::string>()), "\n");
  return out.empty() ? "nothing is allowed\n" : out;
}

// sbx net groups [NAME...]
Result<int> show_groups(const ParsedLine& line) {
  const auto caller = group_caller();
  std::vector<std::string> names(line.words.begin() + 1, line.words.end());
  if (names.empty()) names = group_names(caller);
  Json all = Json::array();
  std::string text;
  for (auto& name : names) {
    SBX_ASSIGN(const auto group, work_out_group(name.starts_with('@') ? name.substr(1) : name, caller));
    Json rules = Json::array();
    for (const auto& rule : group.rules) {
      rules.push_back({{"rule", rule.rule}, {"source", rule.source}});
      text += cat("@", group.name, " ", rule.rule, "  (", escape_control(rule.source), ")\n");
    }
    Json row{{"group", "@" + group.name}, {"rules", rules}};
    if (group.rules.empty()) {
      row["lacking"] = group.lacking;
      text += cat("@", group.name, " stands for nothing here; ", group.lacking, "\n");
    }
    all.push_back(std::move(row));
  }
  SBX_TRY(print(line.has("json") ? all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text));
  return 0;
}

Result<Json> request_of(const ParsedLine& line) {
  static const std::vector<std::string_view> known = {"list", "allow", "deny", "remove", "log"};
  if (line.words.size() < 2) return fail(usage_error("sbx net needs a sandbox and a command", "write e.g. sbx net ID list"));
  const auto& command = line.words[1];
  if (std::ranges::find(known, command) == known.end()) {
    const auto near = nearest(command, known);
    return fail(usage_error(cat("sbx net has no command ", command), near ? cat("did you mean ", *near, "?") : "write list, allow, deny, remove or log"));
  }
  const bool changes = command != "list" && command != "log";
  if (changes != (line.words.size() > 2))
    return fail(usage_error(changes ? cat("sbx net ID ", command, " needs a rule") : cat("sbx net ID ", command, " takes no more words"), "see sbx help net"));
  Json request{{"command", command}};
  if (changes) request["rules"] = std::vector<std::string>(line.words.begin() + 2, line.words.end());
  if (command == "log") request["follow"] = line.has("follow");
  return request;
}

}  // namespace

Result<int> net_command(const ParsedLine& line) {
  if (!line.words.empty() && line.words[0] == "groups") return show_groups(line);
  SBX_ASSIGN(const auto request, request_of(line));
  SBX_ASSIGN(const auto registry, Registry::open());
  SBX_ASSIGN(const auto sandbox, find_sandbox(registry, line.words[0]));
  auto socket = connect_to_control(registry.fd(), cat(sandbox.id(), ".net"));
  if (!socket && socket.error().errno_value == ENOENT)
    return fail(usage_error(cat(line.words[0], " has no filtered network"), "start it with --net filtered"));
  if (!socket) return fail(std::move(socket).error());
  bool answered = false;
  const bool json = line.has("json");
  SBX_TRY(ask_control(socket->get(), request.dump(), [&](const std::string& text) -> Result<> {
    answered = true;
    const auto answer = Json::parse(text, nullptr, false);
    if (!answer.is_object()) return fail(Step::monitor, ErrorKind::internal, "the network helper doesn't answer in its own words");
    if (answer.contains("error")) return fail(usage_error(text_of(answer, "error"), ""));
    if (line.words[1] == "log") return print(json ? text + "\n" : log_line(answer) + "\n");
    if (line.words[1] == "list") return print(json ? text + "\n" : rules_text(answer));
    return json ? print(text + "\n") : Result<>{};
  }));
  if (!answered && line.words[1] != "log")
    return fail(Step::monitor, ErrorKind::host, cat("the network helper of ", line.words[0], " has ended"), "start the sandbox anew");
  return 0;
}

}  // namespace sbx
