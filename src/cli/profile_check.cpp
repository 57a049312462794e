#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/profile_commands.h"
#include "cli/profile_warnings.h"
#include "filter/compile.h"
#include "profile/load.h"
#include "systemd/unit_property.h"

namespace sbx {
namespace {

struct Findings {
  std::string profile;
  std::vector<std::string> problems, warnings;
};

// What the service manager would refuse, told before it is asked. What only the system's manager enforces passes:
// whose manager it will be is the run's to say.
template <typename Report>
void check_scope(const Profile& profile, const Report& report) {
  for (const auto& [name, said] : profile.properties)
    if (auto property = parse_unit_property(name, said.value, true); !property) {
      property.error().what = cat(said.origin, ": systemd.properties: ", property.error().what);
      report(property.error());
    }
}

Findings check(const std::string& name) {
  Findings findings{name, {}, {}};
  const auto problem = [&](const Error& error) { findings.problems.push_back(format_error(error)); };
  std::vector<Error> errors;
  const auto profile = load_profile(name, errors);
  check_scope(profile, [&](const Error& error) { errors.push_back(error); });
  const auto spec = effective_spec(profile, &errors);
  std::ranges::for_each(errors, problem);
  // Of the format, and refused when it is run: nothing is wrong with the file.
  if (!spec && spec.error().kind == ErrorKind::unsupported)
    return findings.warnings.push_back(spec.error().what), findings;
  if (!spec) return problem(spec.error()), findings;
  if (const auto policy = filter_policy(spec->seccomp, spec->namespaces.nested); !policy) problem(policy.error());
  findings.warnings = profile_warnings(profile, *spec);
  return findings;
}

std::string as_text(const Findings& findings) {
  const auto name = escape_control(findings.profile);
  std::string out;
  for (const auto& problem : findings.problems) out += cat(name, ": ", problem, "\n");
  for (const auto& warning : findings.warnings) out += cat(name, ": warning: ", escape_control(warning), "\n");
  if (findings.problems.empty()) out += cat(name, ": ok\n");
  return out;
}

std::string as_json(const std::vector<Findings>& all) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& one : all)
    list.push_back({{"profile", one.profile},
                    {"ok", one.problems.empty()},
                    {"problems", one.problems},
                    {"warnings", one.warnings}});
  return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<int> profile_check_command(const ParsedLine& line) {
  if (line.words.empty())
    return fail(usage_error("sbx profile check needs a profile", "write sbx profile check ./FILE.toml, or a name"));
  std::vector<Findings> all;
  std::string text;
  bool ok = true;
  for (const auto& word : line.words) {
    all.push_back(check(word));
    ok = ok && all.back().problems.empty();
    text += as_text(all.back());
  }
  SBX_TRY(print(line.has("json") ? as_json(all) : text));
  return ok ? 0 : 1;
}

}  // namespace sbx
