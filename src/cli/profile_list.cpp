#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/profile_commands.h"
#include "profile/load.h"

namespace sbx {
namespace {

struct Row {
  ProfileLocation location;
  std::string description, error;
};

Row describe(ProfileLocation location) {
  Row row{std::move(location), {}, {}};
  const auto profile = load_profile(row.location.path);
  if (!profile) row.error = format_error(profile.error());
  else if (profile->description) row.description = profile->description->value;
  return row;
}

std::string as_json(const std::vector<Row>& rows) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    nlohmann::ordered_json one = {{"name", row.location.name},
                                  {"path", row.location.path},
                                  {"description", row.description},
                                  {"shadowed", row.location.shadowed}};
    if (!row.error.empty()) one["error"] = row.error;
    list.push_back(std::move(one));
  }
  return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_table(const std::vector<Row>& rows) {
  std::size_t name_width = 4;
  std::size_t path_width = 4;
  for (const auto& row : rows) {
    name_width = std::max(name_width, row.location.name.size());
    path_width = std::max(path_width, row.location.path.size());
  }
  const auto pad = [](std::string text, std::size_t width) {
    return text.append(width > text.size() ? width - text.size() : 0, ' ');
  };
  auto out = cat(pad("NAME", name_width), "  ", pad("PATH", path_width), "  DESCRIPTION\n");
  for (const auto& row : rows) {
    auto description = !row.error.empty() ? cat("unusable: ", row.error) : escape_control(row.description);
    if (row.location.shadowed) description = cat("(shadowed) ", description);
    out += cat(pad(escape_control(row.location.name), name_width), "  ",
               pad(escape_control(row.location.path), path_width), "  ", description, "\n");
  }
  return out;
}

}  // namespace

Result<int> profile_list_command(const ParsedLine& line) {
  if (!line.words.empty())
    return fail(usage_error(cat("unexpected word ", line.words[0]), "to see one profile: sbx profile show NAME"));
  auto locations = list_profiles();
  if (line.has("quiet") && !line.has("json")) {
    std::string names;
    for (const auto& location : locations)
      if (!location.shadowed) names += cat(escape_control(location.name), "\n");
    SBX_TRY(print(names));
    return 0;
  }
  std::vector<Row> rows;
  for (auto& location : locations) rows.push_back(describe(std::move(location)));
  if (rows.empty() && !line.has("json")) complain(cat("no profiles in ", join(profile_directories(), ", ")));
  SBX_TRY(print(line.has("json") ? as_json(rows) : as_table(rows)));
  return 0;
}

}  // namespace sbx
