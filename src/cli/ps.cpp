#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/sandbox_commands.h"
#include "cli/text_table.h"
#include "spec/cgroup_values.h"
#include "state/history.h"

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  std::string id, name, profile, command, state, status, cgroup, scope;  // state: running, frozen, exited
  std::uint64_t created_us = 0;
  std::int64_t pid = 0;
  std::optional<int> exit_status;
  std::optional<std::uint64_t> ended_us;
  std::vector<std::string> profiles, argv;
};

constexpr std::size_t shown_command = 40;

Row row_of(const RunningSandbox& sandbox, std::uint64_t now) {
  const auto& entry = sandbox.entry();
  Row row{.id = entry.id, .name = entry.name, .profile = join(entry.profiles, ","), .command = words_of(entry.command),
          .cgroup = entry.cgroup, .scope = entry.scope, .created_us = entry.created_us, .pid = entry.init,
          .profiles = entry.profiles, .argv = entry.command};
  const auto cgroup = sandbox.cgroup();
  const bool frozen = cgroup && flat_keyed_value(cgroup->read("cgroup.events").value_or(std::string()), "frozen").value_or(0) == 1;
  row.state = frozen ? "frozen" : "running";
  row.status = cat(frozen ? "Frozen, up " : "Up ", format_age(now - std::min(now, entry.created_us)));
  return row;
}

Row row_of(const EndedSandbox& ended, std::uint64_t now) {
  Row row{.id = ended.id, .name = ended.name, .profile = ended.profile, .command = ended.command, .state = "exited",
          .scope = ended.scope, .created_us = ended.started_us, .exit_status = ended.status, .ended_us = ended.ended_us};
  row.status = cat("Exited (", ended.status, ") ", format_age(now - std::min(now, ended.ended_us)), " ago");
  return row;
}

constexpr std::string_view field_names[] = {"ID", "Name", "Profile", "Command", "Created", "CreatedAt", "Status", "State",
                                            "Pid", "Cgroup", "Scope", "ExitCode"};

TemplateFields fields_of(const Row& row, std::uint64_t now) {
  return {{"ID", row.id}, {"Name", row.name}, {"Profile", row.profile}, {"Command", row.command},
          {"Created", cat(format_age(now - std::min(now, row.created_us)), " ago")}, {"CreatedAt", format_time(row.created_us)},
          {"Status", row.status}, {"State", row.state}, {"Pid", row.pid == 0 ? "" : std::to_string(row.pid)},
          {"Cgroup", row.cgroup}, {"Scope", row.scope}, {"ExitCode", row.exit_status ? std::to_string(*row.exit_status) : ""}};
}

std::string as_json(const std::vector<Row>& rows) {
  Json list = Json::array();
  for (const auto& row : rows) {
    Json one{{"id", row.id}, {"name", row.name}, {"profiles", row.profiles.empty() ? std::vector{row.profile} : row.profiles},
             {"command", row.argv.empty() ? Json(row.command) : Json(row.argv)}, {"state", row.state}, {"status", row.status},
             {"created", format_time(row.created_us)}};
    if (row.pid != 0) one["pid"] = row.pid;
    if (!row.cgroup.empty()) one["cgroup"] = row.cgroup;
    if (!row.scope.empty()) one["scope"] = row.scope;
    if (row.exit_status) one["exit_status"] = *row.exit_status;
    if (row.ended_us) one["ended"] = format_time(*row.ended_us);
    list.push_back(std::move(one));
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_table(const std::vector<Row>& rows, std::uint64_t now, bool whole) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) {
    auto command = row.command;
    if (!whole && command.size() > shown_command) {
      command.resize(shown_command - 3);
      while (!command.empty() && (static_cast<unsigned char>(command.back()) & 0x80U) != 0) command.pop_back();
      command += "...";
    }
    cells.push_back({row.id, row.profile, std::move(command), cat(format_age(now - std::min(now, row.created_us)), " ago"), row.status, row.name});
  }
  return format_table({"ID", "PROFILE", "COMMAND", "CREATED", "STATUS", "NAME"}, cells);
}

// All filters of one name: one of them has to fit; of different names: each.
Result<std::vector<std::pair<std::string, std::string>>> read_filters(const ParsedLine& line) {
  std::vector<std::pair<std::string, std::string>> filters;
  const std::vector<std::string_view> names{"id", "name", "profile", "status"};
  const std::vector<std::string_view> states{"running", "frozen", "exited"};
  for (const auto& parsed : line.options) {
    if (parsed.option->name != "filter") continue;
    const auto equals = parsed.value.find('=');
    const auto name = parsed.value.substr(0, equals);
    if (equals == std::string::npos || std::ranges::find(names, name) == names.end()) {
      const auto near = nearest(name, names);
      return fail(usage_error(cat("--filter ", parsed.value, ": not a filter"), near ? cat("did you mean ", *near, "=...?") : "write id=, name=, profile= or status="));
    }
    auto value = parsed.value.substr(equals + 1);
    if (name == "status" && std::ranges::find(states, value) == states.end())
      return fail(usage_error(cat("--filter ", parsed.value, ": not a status"), "write running, frozen or exited"));
    filters.emplace_back(name, std::move(value));
  }
  return filters;
}

bool fits(const Row& row, const std::vector<std::pair<std::string, std::string>>& filters) {
  const auto matches = [&](const std::string& name, const std::string& value) {
    if (name == "id") return row.id.starts_with(value);
    if (name == "name") return row.name.find(value) != std::string::npos;
    if (name == "status") return row.state == value;
    return row.profile == value || std::ranges::find(row.profiles, value) != row.profiles.end();
  };
  return std::ranges::all_of(filters, [&](const auto& filter) {
    return std::ranges::any_of(filters, [&](const auto& other) { return other.first == filter.first && matches(other.first, other.second); });
  });
}

}  // namespace

Result<int> ps_command(const ParsedLine& line) {
  if (!line.words.empty()) return fail(usage_error(cat("unexpected word ", line.words[0]), "to see one sandbox: sbx inspect ID"));
  SBX_ASSIGN(const auto filters, read_filters(line));
  std::optional<RowTemplate> format;
  const auto* asked = find_parsed(line, "format");
  if (asked != nullptr && asked->value != "json") {
    SBX_ASSIGN(format, RowTemplate::parse(asked->value, {std::begin(field_names), std::end(field_names)}));
  }
  SBX_TRY(require_pidfds());
  SBX_ASSIGN(const auto registry, Registry::open());
  const auto now = now_us();
  std::vector<Row> rows;
  const bool exited = std::ranges::any_of(filters, [](const auto& filter) { return filter.first == "status" && filter.second == "exited"; });
  if (line.has("all") || exited)
    for (const auto& ended : read_history(registry).ended) rows.push_back(row_of(ended, now));
  for (const auto& sandbox : list_sandboxes(registry)) rows.push_back(row_of(sandbox, now));
  std::erase_if(rows, [&](const Row& row) { return !fits(row, filters); });
  std::ranges::reverse(rows);  // the latest first
  if (line.has("latest") && rows.size() > 1) rows.resize(1);
  std::string text;
  if (format) {
    std::vector<TemplateFields> fields;
    for (const auto& row : rows) fields.push_back(fields_of(row, now));
    text = format->format(fields);
  } else if (line.has("json") || asked != nullptr) {
    text = as_json(rows);
  } else if (line.has("quiet")) {
    for (const auto& row : rows) text += cat(row.id, "\n");
  } else {
    text = as_table(rows, now, line.has("no-trunc"));
  }
  SBX_TRY(print(text));
  return 0;
}

}  // namespace sbx
