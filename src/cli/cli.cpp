#include "cli/cli.h"

#include <algorithm>
#include <exception>
#include <new>

#include "base/text.h"
#include "cli/attach.h"
#include "cli/doctor.h"
#include "cli/exec.h"
#include "cli/help.h"
#include "cli/help_command.h"
#include "cli/logs.h"
#include "cli/metrics.h"
#include "cli/net.h"
#include "cli/output.h"
#include "cli/profile_commands.h"
#include "cli/run.h"
#include "cli/sandbox_commands.h"
#include "cli/unit.h"
#include "cli/shim.h"
#include "cli/version.h"

namespace sbx {
namespace {

using Handler = Result<int> (*)(const ParsedLine&);
struct Route {
  std::string_view name;
  Handler handler;
};
constexpr Route routes[] = {
    {"attach", attach_command},
    {"doctor", doctor_command},
    {"events", events_command},
    {"exec", exec_command},
    {"freeze", freeze_command},
    {"inspect", inspect_command},
    {"kill", kill_command},
    {"ps", ps_command},
    {"stats", stats_command},
    {"stop", stop_command},
    {"thaw", thaw_command},
    {"update", update_command},
    {"wait", wait_command},
    {"logs", logs_command},
    {"metrics", metrics_command},
    {"net", net_command},
    {"profile check", profile_check_command},
    {"profile diff", profile_diff_command},
    {"profile list", profile_list_command},
    {"profile show", profile_show_command},
    {"run", run_command},
    {"unit", unit_command},
    {"shim install", shim_install_command},
    {"shim list", shim_list_command},
    {"shim remove", shim_remove_command},
    {"version", version_command},
    {"help", help_command},
};

Error unknown_command(std::string_view prefix, const std::string& word) {
  std::vector<std::string_view> names;
  for (const auto& command : commands())
    if (command.name.starts_with(prefix) && command.name.find(' ', prefix.size()) == std::string_view::npos)
      names.push_back(command.name.substr(prefix.size()));
  const auto near = nearest(word, names);
  const auto what = word.starts_with('-') ? cat("unknown option ", word, " before a command")
                                          : cat("sbx ", prefix, "has no command ", word);
  for (const auto& command : commands())
    if (command.name.ends_with(cat(" ", word))) return usage_error(what, cat("did you mean sbx ", command.name, "?"));
  if (near) return usage_error(what, cat("did you mean sbx ", prefix, *near, "?"));
  if (prefix.empty() && !word.starts_with('-'))
    return usage_error(what, cat("to run ", word, " in a sandbox: sbx run -- ", word));
  return usage_error(
      what, cat("see sbx help", prefix.empty() ? "" : " ", prefix.substr(0, prefix.size() - (prefix.empty() ? 0 : 1))));
}

// The longest row of the table that `words` begin with, "profile show" before "profile".
Result<const Command*> take_command(std::vector<std::string>& words) {
  const auto first = words[0];
  const auto* command = find_command(first);
  if (command == nullptr) return fail(unknown_command("", first));
  words.erase(words.begin());
  const auto prefix = cat(first, " ");
  const bool has_parts = std::ranges::any_of(commands(), [&](const auto& one) { return one.name.starts_with(prefix); });
  if (!has_parts || words.empty() || words[0].starts_with('-')) return command;
  const auto* part = find_command(cat(prefix, words[0]));
  if (part == nullptr) return fail(unknown_command(prefix, words[0]));
  words.erase(words.begin());
  return part;
}

Result<int> dispatch(std::vector<std::string> words) {
  if (words.empty()) {
    SBX_TRY(write_all(2, overview(), "standard error"));
    return 125;
  }
  if (words[0] == "--help" || words[0] == "-h") words[0] = "help";
  if (words[0] == "--version" || words[0] == "-V") words[0] = "version";
  SBX_ASSIGN(const auto* command, take_command(words));
  SBX_ASSIGN(const auto line, parse_line(*command, words));
  if (line.has("help")) {
    SBX_TRY(print(help_text(*command)));
    return 0;
  }
  const auto* route = std::ranges::find(routes, command->name, &Route::name);
  if (route == std::end(routes))
    return fail(usage_error(cat("sbx ", command->name, " needs a command"), cat("see sbx help ", command->name)));
  return route->handler(line);
}

}  // namespace

int run_cli(int argc, char** argv) {
  // No library throws on purpose. What does, with memory scarce, ends like any other failure: what was made is undone
  // on the way here, and it is told in a line that needs no memory.
  try {
    const auto status = dispatch(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
    if (status) return *status;
    print_error(status.error());
    return exit_status(status.error());
  } catch (const std::bad_alloc&) {
    (void)write_all(
        2,
        "sbx: cannot go on: not enough memory; raise the limit on address space (ulimit -v) or free some [internal]\n",
        "");
  } catch (const std::exception& error) {
    complain(cat("cannot go on: ", error.what(),
                 "; this is a fault of sbx: please report it with the command line [internal]"));
  }
  return 125;
}

}  // namespace sbx
