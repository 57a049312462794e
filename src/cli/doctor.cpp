#include "cli/doctor.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/doctor_facts.h"
#include "cli/output.h"

namespace sbx {
namespace {

std::string as_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    const std::string status = finding.status == Finding::Status::fail ? "fail" : std::string(status_name(finding.status));
    checks.push_back({{"name", finding.name}, {"status", status}, {"cause", finding.cause}, {"remedy", finding.remedy}});
  }
  const nlohmann::ordered_json document{{"works", can_run(findings)}, {"checks", std::move(checks)}};
  return cat(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace), "\n");
}

std::string as_table(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.name.size());
  std::string text;
  for (const Finding& finding : findings) {
    const std::string_view status = status_name(finding.status);
    text += cat(status, std::string(6 - status.size(), ' '), finding.name, std::string(width + 2 - finding.name.size(), ' '),
                escape_control(finding.cause));
    if (!finding.remedy.empty()) text += cat("; ", escape_control(finding.remedy));
    text += '\n';
  }
  const auto warnings = std::count_if(findings.begin(), findings.end(),
                                      [](const Finding& finding) { return finding.status == Finding::Status::warn; });
  text += can_run(findings) ? cat("sbx run works here", warnings == 0 ? "" : cat(", with ", warnings, warnings == 1 ? " warning" : " warnings"), "\n")
                            : std::string("sbx run can't work here: see the lines that say FAIL\n");
  return text;
}

}  // namespace

Result<int> doctor_command(const ParsedLine& line) {
  if (!line.words.empty()) return fail(usage_error(cat("doctor takes no argument, and ", line.words.front(), " was given")));
  const std::vector<Finding> findings = doctor_findings(gather_doctor_facts());
  SBX_TRY(print(line.has("json") ? as_json(findings) : as_table(findings)));
  return can_run(findings) ? 0 : 1;
}

}  // namespace sbx
