#include "base/text.h"
#include "cli/docs/docs.h"
#include "cli/docs/mdoc.h"
#include "cli/help.h"

namespace sbx::docs {
namespace {

std::string option_item(const OptionInfo& option) {
  const auto value = option.takes == Takes::nothing ? std::string()
                     : option.takes == Takes::value ? cat(" Ar ", argument(option.placeholder))
                                                    : cat(" Ns Op Ns = Ns Ar ", argument(option.placeholder));
  std::string item = ".It";
  if (option.letter != 0) item += cat(" Fl ", option.letter, option.takes == Takes::value ? value : "", " ,");
  item += cat(" Fl Fl ", replace_all(option.name, "-", "\\-"), value);
  if (!option.alias.empty()) item += cat(" , Fl Fl ", replace_all(option.alias, "-", "\\-"), value);
  std::string text = prose(option.meaning);
  if (!option.key.empty()) text += cat("Sets the key\n.Ic ", option.key, " .\n");
  return cat(item, "\n", text);
}

std::string options_text(const Command& command) {
  const std::string begin = ".Bl -tag -width Ds\n";
  std::string out;
  bool open = false;
  for (const auto& option : command.options) {
    if (!option.heading.empty() || !open) {
      out +=
          cat(open ? ".El\n" : "", ".Pp\n", option.heading.empty() ? "Options:\n" : cat(option.heading, ":\n"), begin);
      open = true;
    }
    out += option_item(option);
  }
  return open ? cat(out, ".El\n") : out;
}

std::string command_section(const Command& command) {
  auto out = cat(".Ss sbx ", usage_line(command), "\n", prose(cat(command.summary, ".")));
  if (!command.details.empty()) out += cat(".Pp\n", prose(command.details));
  if (!has_parts(command)) out += options_text(command);
  if (command.name != "run") out += cat(".Pp\nExamples:\n.Pp\n", example_list(command.examples));
  return out;
}

std::string synopsis(const Command& command) {
  return cat(".Nm sbx\n.Cm ", command.name, "\n", command.options.size() > 1 ? ".Op Ar OPTION ...\n" : "",
             command.arguments.empty() ? std::string() : cat(".Ar ", argument(command.arguments), "\n"));
}

constexpr std::string_view files_text = R"(.Sh FILES
.Bl -tag -width Ds
.It Pa \(ti/.config/sbx/profiles
Your own profiles; the first place that is searched.
.It Pa /etc/sbx/profiles
The administrator\(aqs profiles.
.It Pa @PROFILES@
The profiles that come with
.Nm .
.It Pa \(ti/.local/state/sbx
The homes of profiles with a persistent home.
.El
)";

}  // namespace

std::string man_sbx(std::string_view version) {
  auto out = cat(heading("sbx", 1, SBX_DOCS_DATE, version),
                 ".Sh NAME\n.Nm sbx\n.Nd run commands that you do not trust, confined\n.Sh SYNOPSIS\n");
  for (const auto& command : commands())
    if (!has_parts(command)) out += synopsis(command);
  out += ".Sh DESCRIPTION\n.Nm\n" +
         prose(
             "runs a command in namespaces of its own, under a seccomp filter, Landlock and no capabilities, and in a "
             "systemd scope with limits on memory, CPU and processes. It needs no setuid, no daemon and no root.\n"
             "What the command may see and do stands in a profile, a TOML file.");
  out += cat("See\n.Xr sbx-profile 5 .\n", prose(cat("Without a profile the one called ", default_profile,
                                                     " counts: a read-only system, an empty home, no network.")));
  out += ".Sh COMMANDS\n";
  for (const auto& command : commands()) out += command_section(command);
  out += services_section();
  out += ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n";
  for (const auto& variable : environment_variables())
    out += cat(".It Ev ", variable.name, "\n", prose(variable.meaning));
  out += cat(".El\n", replace_all(files_text, "@PROFILES@", SBX_PROFILE_DIR));
  out += ".Sh EXIT STATUS\n.Bl -tag -width Ds\n";
  for (const auto& status : exit_statuses()) out += cat(".It ", argument(status.status), "\n", prose(status.meaning));
  out += cat(".El\n.Pp\n",
             prose("A command can end with these numbers by itself. --status-fd and --report=json tell for sure."));
  out += cat(".Sh EXAMPLES\n", example_list(find_command("run")->examples));
  return out +
         ".Sh SEE ALSO\n.Xr sbx-profile 5 ,\n.Xr systemd.resource-control 5 ,\n.Xr cgroups 7 ,\n.Xr landlock 7 ,\n.Xr "
         "namespaces 7\n";
}

}  // namespace sbx::docs
