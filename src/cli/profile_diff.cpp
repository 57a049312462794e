#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/profile_commands.h"
#include "profile/load.h"
#include "spec/dump.h"

namespace sbx {
namespace {

Result<SandboxSpec> spec_of(const std::string& name) {
  SBX_ASSIGN(const auto profile, load_profile(name));
  return effective_spec(profile);
}

// Lines "- path = value" and "+ path = value" to what was removed and added.
std::string as_json(const std::string& difference) {
  auto removed = nlohmann::ordered_json::array();
  auto added = nlohmann::ordered_json::array();
  for (const auto row : split(difference, '\n'))
    if (row.size() > 2) (row[0] == '-' ? removed : added).push_back(row.substr(2));
  const nlohmann::ordered_json all = {{"equal", difference.empty()}, {"removed", removed}, {"added", added}};
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<int> profile_diff_command(const ParsedLine& line) {
  if (line.words.size() != 2)
    return fail(usage_error("sbx profile diff compares two profiles", "write sbx profile diff A B"));
  SBX_ASSIGN(auto before, spec_of(line.words[0]));
  SBX_ASSIGN(auto after, spec_of(line.words[1]));
  // Their names differ, and whatever is made from them: no news.
  after.name = before.name;
  after.profile = before.profile;
  after.scope.name = before.scope.name;
  after.scope.description = before.scope.description;
  const auto difference = diff_dumps(dump_spec(before), dump_spec(after));
  if (line.has("json")) {
    SBX_TRY(print(as_json(difference)));
  } else if (!difference.empty()) {
    SBX_TRY(
        print(cat("--- ", escape_control(line.words[0]), "\n+++ ", escape_control(line.words[1]), "\n", difference)));
  }
  return difference.empty() ? 0 : 1;
}

}  // namespace sbx
