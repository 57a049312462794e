// sbx inspect: what a sandbox was asked to be, what it was planned as, and what the kernel says of it now.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/sandbox_commands.h"
#include "kernel/kernel_file.h"
#include "state/usage.h"

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json optional(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}
Json limit(const std::optional<std::uint64_t>& value) { return !value ? Json() : *value == UINT64_MAX ? Json("max") : Json(*value); }

// The lines of /proc/PID/status that tell how a process is confined.
Json confinement(std::int64_t pid) {
  Json out = Json::object();
  const auto status = read_kernel_file(cat("/proc/", pid, "/status"));
  for (const auto line : split(status, '\n')) {
    const auto colon = line.find(":\t");
    if (colon == std::string_view::npos) continue;
    const auto name = line.substr(0, colon);
    for (const auto wanted : {"State", "Uid", "Gid", "NSpid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters"})
      if (name == wanted) out[std::string(name)] = std::string(line.substr(colon + 2));
  }
  return out;
}

Json process(std::int64_t pid) {
  auto command = read_kernel_file(cat("/proc/", pid, "/cmdline"));
  while (command.ends_with('\0')) command.pop_back();
  for (auto& c : command)
    if (c == '\0') c = ' ';
  if (command.empty()) {
    command = read_kernel_file(cat("/proc/", pid, "/comm"));
    while (command.ends_with('\n')) command.pop_back();
    command = cat("[", command, "]");
  }
  return {{"pid", pid}, {"command", command}};
}

Json live(const RunningSandbox& sandbox) {
  UsageReader reader;
  const auto usage = reader.read(sandbox);
  Json processes = Json::array();
  for (const auto pid : reader.processes(sandbox)) processes.push_back(process(pid));
  Json out{{"status", usage.frozen ? "frozen" : "running"},
           {"init", confinement(sandbox.init())},
           {"processes", std::move(processes)},
           {"cpu_us", optional(usage.cpu_us)},
           {"throttled_us", optional(usage.throttled_us)},
           {"memory", optional(usage.memory)},
           {"memory_peak", optional(usage.memory_peak)},
           {"swap", optional(usage.swap)},
           {"pids", optional(usage.pids)},
           {"oom_kills", optional(usage.oom_kills)},
           {"io_read", optional(usage.io_read)},
           {"io_write", optional(usage.io_write)},
           {"net_in", optional(usage.net_in)},
           {"net_out", optional(usage.net_out)},
           {"limits", {{"memory.max", limit(usage.memory_limit)}, {"cpu.max", optional(usage.cpu_limit)}, {"pids.max", limit(usage.pids_limit)}}},
           {"pressure", {{"cpu", optional(usage.pressure.cpu)}, {"memory", optional(usage.pressure.memory)}, {"io", optional(usage.pressure.io)}}}};
  return out;
}

Json receipt(const std::vector<ReceiptItem>& items) {
  if (items.empty()) return nullptr;
  Json out = Json::array();
  for (const auto& item : items)
    out.push_back({{"protection", item.protection}, {"asked", item.asked}, {"found", item.found}, {"enforced", item.enforced}});
  return out;
}

Json losses(const std::vector<Loss>& all) {
  Json out = Json::array();
  for (const auto& loss : all) out.push_back({{"protection", loss.protection}, {"reason", loss.reason}, {"remedy", loss.remedy}, {"asked", loss.asked}});
  return out;
}

Result<Json> describe(const Registry& registry, const RunningSandbox& sandbox) {
  const auto& entry = sandbox.entry();
  SBX_ASSIGN(const auto details, sandbox.details(registry));
  Json plan = Json::array();
  for (const auto line : split(details.plan, '\n'))
    if (!line.empty()) plan.push_back(std::string(line));
  return Json{{"id", entry.id},
              {"name", entry.name},
              {"profiles", entry.profiles},
              {"command", entry.command},
              {"created", format_time(entry.created_us)},
              {"pid", entry.init},
              {"launcher", entry.launcher},
              {"cgroup", entry.cgroup.empty() ? Json() : Json(entry.cgroup)},
              {"scope", entry.scope.empty() ? Json() : Json(entry.scope)},
              {"manager", entry.scope.empty() ? Json() : Json(entry.system_manager ? "system" : "user")},
              {"setup_time_us", details.setup_time_us},
              {"state", live(sandbox)},
              {"losses", losses(details.losses)},
              {"receipt", receipt(details.receipt)},
              {"spec", Json::parse(details.spec, nullptr, false)},
              {"plan", std::move(plan)}};
}

}  // namespace

Result<int> inspect_command(const ParsedLine& line) {
  SBX_ASSIGN(const auto registry, Registry::open());
  SBX_ASSIGN(const auto sandboxes, select_sandboxes(registry, line));
  Json list = Json::array();
  for (const auto& sandbox : sandboxes) {
    SBX_ASSIGN(auto one, describe(registry, sandbox));
    list.push_back(std::move(one));
  }
  SBX_TRY(print(list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"));
  return 0;
}

}  // namespace sbx
