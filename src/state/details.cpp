#include "state/details.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;
constexpr std::string_view hex_digits = "0123456789abcdef";

std::string to_hex(const std::uint8_t* data, std::size_t size) {
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) text += hex_digits[data[i] >> 4U], text += hex_digits[data[i] & 15U];
  return text;
}

// Throws as nlohmann's own accessors do: parse_details has the one handler.
std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size() + text.size() % 2; i += 2) {
    const auto high = hex_digits.find(text.at(i)), low = hex_digits.find(text.at(i + 1));
    if (high > 15 || low > 15) throw std::out_of_range("a hexadecimal number");
    bytes.push_back(static_cast<std::uint8_t>(high << 4U | low));
  }
  return bytes;
}

bool is_utf8(const std::string& text) {
  try {
    return !Json(text).dump().empty();
  } catch (const Json::type_error&) {
    return false;
  }
}

// Words, variables and paths are bytes: what isn't UTF-8 would not come back from a JSON string.
Json from_bytes(const std::string& text) {
  if (is_utf8(text)) return text;
  return {{"hex", to_hex(reinterpret_cast<const std::uint8_t*>(text.data()), text.size())}};
}
std::string to_bytes(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  const auto bytes = from_hex(value.at("hex").get<std::string>());
  return {bytes.begin(), bytes.end()};
}
Json from_list(const std::vector<std::string>& list) {
  Json out = Json::array();
  for (const auto& text : list) out.push_back(from_bytes(text));
  return out;
}
std::vector<std::string> to_list(const Json& value) {
  std::vector<std::string> out;
  for (const auto& item : value) out.push_back(to_bytes(item));
  return out;
}

Json from_maps(const std::vector<IdMap>& maps) {
  Json out = Json::array();
  for (const auto& map : maps) out.push_back({map.inside, map.outside, map.count});
  return out;
}
std::vector<IdMap> to_maps(const Json& value) {
  std::vector<IdMap> maps;
  for (const auto& map : value)
    maps.push_back({map.at(0).get<std::uint32_t>(), map.at(1).get<std::uint32_t>(), map.at(2).get<std::uint32_t>()});
  return maps;
}

Json from_landlock(const LandlockPlan& plan) {
  Json rules = Json::array();
  for (const auto& rule : plan.rules)
    rules.push_back({{"path", from_bytes(rule.path)}, {"write", rule.write}, {"execute", rule.execute}, {"devices", rule.devices}});
  return {{"abi", plan.abi}, {"filesystem", plan.filesystem}, {"deny_tcp", plan.deny_tcp}, {"scope", plan.scope}, {"rules", std::move(rules)}};
}
LandlockPlan to_landlock(const Json& value) {
  LandlockPlan plan;
  plan.abi = value.at("abi").get<int>();
  plan.filesystem = value.at("filesystem").get<bool>();
  plan.deny_tcp = value.at("deny_tcp").get<bool>();
  plan.scope = value.at("scope").get<bool>();
  for (const auto& rule : value.at("rules"))
    plan.rules.push_back({to_bytes(rule.at("path")), rule.at("write").get<bool>(), rule.at("execute").get<bool>(), rule.at("devices").get<bool>()});
  return plan;
}

Json from_process(const LaunchPlan& plan) {
  Json rlimits = Json::array();
  for (const auto& limit : plan.rlimits)
    rlimits.push_back({{"name", limit.name}, {"resource", limit.resource}, {"soft", limit.soft}, {"hard", limit.hard}});
  return {{"clone_flags", plan.clone_flags},
          {"unshare_cgroup", plan.unshare_cgroup},
          {"ids", {{"uid", plan.ids.uid}, {"gid", plan.ids.gid}, {"uid_map", from_maps(plan.ids.uid_map)}, {"gid_map", from_maps(plan.ids.gid_map)},
                   {"deny_setgroups", plan.ids.deny_setgroups}, {"helpers", plan.ids.helpers}}},
          {"hostname", plan.hostname},
          {"landlock", from_landlock(plan.landlock)},
          {"filter", to_hex(plan.filter.data(), plan.filter.size())},
          {"filter_digest", plan.filter_digest},
          {"kept_capabilities", plan.kept_capabilities},
          {"rlimits", std::move(rlimits)},
          {"argv", from_list(plan.argv)},
          {"environment", from_list(plan.environment)},
          {"workdir", from_bytes(plan.workdir)},
          {"workdir_required", plan.workdir_required},
          {"terminal", static_cast<int>(plan.terminal)},
          {"wall_time_us", plan.limits.wall_time_us},
          {"grace_us", plan.limits.grace_us},
          {"require", plan.require},
          {"accept", plan.accept}};
}

LaunchPlan to_process(const Json& value) {
  LaunchPlan plan;
  plan.clone_flags = value.at("clone_flags").get<std::uint64_t>();
  plan.unshare_cgroup = value.at("unshare_cgroup").get<bool>();
  const auto& ids = value.at("ids");
  plan.ids.uid = ids.at("uid").get<std::uint32_t>();
  plan.ids.gid = ids.at("gid").get<std::uint32_t>();
  plan.ids.uid_map = to_maps(ids.at("uid_map"));
  plan.ids.gid_map = to_maps(ids.at("gid_map"));
  plan.ids.deny_setgroups = ids.at("deny_setgroups").get<bool>();
  plan.ids.helpers = ids.at("helpers").get<bool>();
  plan.hostname = value.at("hostname").get<std::string>();
  plan.landlock = to_landlock(value.at("landlock"));
  plan.filter = from_hex(value.at("filter").get<std::string>());
  plan.filter_digest = value.at("filter_digest").get<std::string>();
  plan.kept_capabilities = value.at("kept_capabilities").get<std::uint64_t>();
  for (const auto& limit : value.at("rlimits"))
    plan.rlimits.push_back({limit.at("name").get<std::string>(), limit.at("resource").get<int>(), limit.at("soft").get<std::uint64_t>(),
                            limit.at("hard").get<std::uint64_t>(), {}});
  plan.argv = to_list(value.at("argv"));
  plan.environment = to_list(value.at("environment"));
  plan.workdir = to_bytes(value.at("workdir"));
  plan.workdir_required = value.at("workdir_required").get<bool>();
  const int terminal = value.at("terminal").get<int>();
  if (terminal < 0 || terminal > static_cast<int>(TerminalMode::none)) throw std::out_of_range("a terminal mode");
  plan.terminal = static_cast<TerminalMode>(terminal);
  plan.limits = {value.at("wall_time_us").get<std::uint64_t>(), value.at("grace_us").get<std::uint64_t>()};
  plan.require = value.at("require").get<std::vector<std::string>>();
  plan.accept = value.at("accept").get<std::vector<std::string>>();
  return plan;
}

Json from_losses(const std::vector<Loss>& losses) {
  Json out = Json::array();
  for (const auto& loss : losses)
    out.push_back({{"protection", loss.protection}, {"reason", loss.reason}, {"remedy", loss.remedy}, {"asked", loss.asked}});
  return out;
}

Json from_receipt(const std::vector<ReceiptItem>& receipt) {
  Json out = Json::array();
  for (const auto& item : receipt)
    out.push_back({{"protection", item.protection}, {"asked", item.asked}, {"found", item.found}, {"enforced", item.enforced}});
  return out;
}

SandboxDetails to_details(const Json& value) {
  SandboxDetails details;
  if (value.at("version").get<int>() != format_version) throw std::out_of_range("another version");
  details.id = value.at("id").get<std::string>();
  details.spec = value.at("spec").dump(2, ' ', false, Json::error_handler_t::replace);
  details.plan = value.at("plan").get<std::string>();
  details.setup_time_us = value.at("setup_time_us").get<std::uint64_t>();
  for (const auto& loss : value.at("losses"))
    details.losses.push_back({loss.at("protection").get<std::string>(), loss.at("reason").get<std::string>(),
                              loss.at("remedy").get<std::string>(), loss.at("asked").get<std::string>()});
  for (const auto& item : value.at("receipt"))
    details.receipt.push_back({item.at("protection").get<std::string>(), item.at("asked").get<std::string>(),
                               item.at("found").get<std::string>(), item.at("enforced").get<bool>()});
  details.process = to_process(value.at("process"));
  details.file_mode_mask = value.at("file_mode_mask").get<std::uint32_t>() & 0777U;
  for (const auto& [kind, number] : value.at("namespaces").items()) details.namespaces.emplace_back(kind, number.get<int>());
  return details;
}

}  // namespace

std::string format_details(const SandboxDetails& details, const LaunchPlan& process) {
  Json namespaces = Json::object();
  for (const auto& [kind, number] : details.namespaces) namespaces[kind] = number;
  const Json object{{"version", format_version},
                    {"id", details.id},
                    {"spec", Json::parse(details.spec, nullptr, false)},
                    {"plan", details.plan},
                    {"setup_time_us", details.setup_time_us},
                    {"losses", from_losses(details.losses)},
                    {"receipt", from_receipt(details.receipt)},
                    {"process", from_process(process)},
                    {"file_mode_mask", details.file_mode_mask},
                    {"namespaces", std::move(namespaces)}};
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<SandboxDetails> parse_details(std::string_view text) {
  try {
    return to_details(Json::parse(text));
  } catch (const std::exception& error) {  // nlohmann's, and those of the checks above
    return fail(Step::find_sandbox, ErrorKind::host, cat("the sandbox's details aren't whole: ", error.what()));
  }
}

}  // namespace sbx
