// sbx update: limits of running sandboxes, changed and read back.
#include "base/text.h"
#include "cli/caller.h"
#include "cli/output.h"
#include "cli/run_options.h"
#include "cli/sandbox_commands.h"
#include "state/control.h"

namespace sbx {
namespace {

// The options are those of sbx run, read by the same code: what they come to in a profile is what they mean here.
Result<CgroupSpec> read_limits_asked(const ParsedLine& line) {
  ParsedLine limits;
  for (const auto& parsed : line.options)
    if (parsed.option->name != "all" && parsed.option->name != "latest") limits.options.push_back(parsed);
  SBX_ASSIGN(const auto request, read_run_options(limits));
  Profile profile;
  for (const auto& overlay : request.overlays) profile = merge_profiles(std::move(profile), overlay);
  for (const auto& parsed : line.options)
    if (parsed.option->name == "set" && !parsed.value.starts_with("cgroup."))
      return fail(usage_error(cat("--set ", parsed.value, ": only the limits can be changed while a sandbox runs"), "name a key that begins with cgroup."));
  SBX_ASSIGN(const auto spec, lower_profile(profile, read_caller(), {"true"}, "update"));
  if (!spec.cgroup.any()) return fail(usage_error("no limit is given", "write e.g. --memory 1G, --cpus 2 or --pids-limit 100"));
  return spec.cgroup;
}

std::string words_of(const std::vector<LimitReading>& readings) {
  std::vector<std::string> words;
  for (const auto& reading : readings) words.push_back(cat(reading.file, "=", reading.found));
  return join(words, " ");
}

}  // namespace

Result<int> update_command(const ParsedLine& line) {
  SBX_ASSIGN(const auto limits, read_limits_asked(line));
  SBX_ASSIGN(const auto registry, Registry::open());
  SBX_ASSIGN(auto sandboxes, select_sandboxes(registry, line));
  return act_on_each(sandboxes, [&](RunningSandbox& sandbox) -> Result<std::string> {
    SBX_ASSIGN(const auto readings, update_limits(sandbox, limits));
    return cat(sandbox.entry().name, ": ", words_of(readings));
  });
}

}  // namespace sbx
