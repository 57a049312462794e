#include "cli/command_table.h"

#include <algorithm>
#include <vector>

#include "cli/attach_table.h"
#include "cli/exec_table.h"
#include "cli/net_table.h"
#include "cli/run_table.h"
#include "cli/sandbox_table.h"
#include "cli/unit.h"
#include "cli/shim_table.h"
#include "cli/telemetry_table.h"

namespace sbx {
namespace {

constexpr OptionInfo help_option = {"help", 'h', Takes::nothing, {}, "Print this help."};
constexpr OptionInfo json_option = {"json", 0, Takes::nothing, {}, "Print JSON."};

constexpr OptionInfo list_options[] = {
    json_option, {"quiet", 'q', Takes::nothing, {}, "Print the names alone."}, help_option};
constexpr Example list_examples[] = {{"sbx profile list", "all profiles, with where they lie"},
                                     {"sbx profile list -q", "names alone, for scripts"}};

constexpr OptionInfo show_options[] = {
    {"effective",
     0,
     Takes::nothing,
     {},
     "Print what the profile comes to for the caller, here: merged, expanded, defaults filled in, as JSON."},
    {"set", 0, Takes::value, "KEY=VALUE", "Set a key over the profile, as in sbx run; implies --effective.",
     Completes::key},
    {"json", 0, Takes::nothing, {}, "Print JSON; implies --effective."},
    help_option};
constexpr Example show_examples[] = {
    {"sbx profile show build", "all that it and what it extends say, and where"},
    {"sbx profile show build --effective", "what it comes to"},
    {"sbx profile show build --effective --set cgroup.memory.max=1G", "with one key changed"}};

constexpr OptionInfo check_options[] = {json_option, help_option};
constexpr Example check_examples[] = {{"sbx profile check ./mine.toml", "ok, or what is wrong and where"},
                                      {"sbx profile check build ci", "several, by name"}};

constexpr OptionInfo diff_options[] = {json_option, help_option};
constexpr Example diff_examples[] = {{"sbx profile diff untrusted build", "what build changes"}};

constexpr OptionInfo json_help_options[] = {json_option, help_option};
constexpr OptionInfo help_only[] = {help_option};

constexpr Example profile_examples[] = {{"sbx profile list", "all profiles"},
                                        {"sbx profile show untrusted", "one of them"},
                                        {"sbx profile diff untrusted build", "two beside each other"}};
constexpr Example doctor_examples[] = {{"sbx doctor", "can sbx run work here, and what is missing"},
                                       {"sbx doctor --json", "the same for programs"}};
constexpr Example version_examples[] = {{"sbx version", "the version"},
                                        {"sbx version --json", "the same for programs"}};
constexpr Example help_examples[] = {{"sbx help run", "the options of sbx run"},
                                     {"sbx help keys", "the keys of a profile"}};

std::vector<Command> make_table() {
  std::vector<Command> all = {
      run_command_table(),
      exec_command_table(),
      attach_command_table(),
      net_command_table(),
      Command{"profile", "COMMAND", "List, show, check and compare profiles",
              "A profile is a TOML file; sbx-profile(5) describes it.", help_only, profile_examples},
      Command{"profile list", "", "List the profiles that can be named",
              "A profile that another of the same name hides is marked as shadowed.", list_options, list_examples},
      Command{
          "profile show", "NAME|FILE...", "Print a profile, or what it comes to",
          "Printed is TOML, merged with what the profile extends, each value with the place that says it. Several are "
          "merged as sbx run -p A -p B does.",
          show_options, show_examples, Completes::profile},
      Command{
          "profile check", "NAME|FILE...", "Find what is wrong with profiles",
          "Each is read, merged with what it extends, lowered and checked, its filter's names included. Warnings name "
          "settings that have no effect. The status is 1 where a profile is wrong.",
          check_options, check_examples, Completes::profile},
      Command{"profile diff", "A B", "Compare two profiles by key",
              "What the two come to is compared, not their text. The status is 0 where they are the same, else 1.",
              diff_options, diff_examples, Completes::profile},
      Command{"doctor", "", "Check what this host offers to sbx run",
              "One line for each thing, with cause and remedy where it is missing. The status is 1 where sbx run can't "
              "work here.",
              json_help_options, doctor_examples},
      unit_command_table(),
      Command{"version", "", "Print the version", "", json_help_options, version_examples},
      Command{"help", "[TOPIC]", "Print help",
              "TOPIC is a subcommand, keys (the keys of a profile) or the name of one key.", help_only, help_examples,
              Completes::topic}};
  for (const auto& part : {sandbox_command_tables(), shim_command_table(), telemetry_command_table()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

const std::vector<Command>& table() {
  static const auto all = make_table();
  return all;
}

constexpr ExitStatus statuses[] = {
    {"the command's", "The command ended by itself."},
    {"124", "The time of --timeout was over."},
    {"125", "sbx failed: the command never started. The message names the step, the cause and the way out."},
    {"126", "The command can't be executed."},
    {"127", "There is no such command inside."},
    {"128+N", "The command ended by signal N; 137 is SIGKILL, as when its memory ran out. As the main process of a service sbx ends by the same signal instead."},
};

constexpr EnvironmentVariable variables[] = {
    {"XDG_CONFIG_HOME", "Its sbx/profiles is searched first for profiles. Unset: ~/.config."},
    {"XDG_STATE_HOME", "Its sbx holds the homes of profiles with home = \"persistent\". Unset: ~/.local/state."},
    {"XDG_RUNTIME_DIR",
     "Its bus is where the user's service manager answers; its sbx holds the registry of sandboxes (root's is /run/sbx) and "
     "compiled filters. Unset: /run/user/UID."},
    {"TRACEPARENT", "The trace that the spans of --trace belong to, as W3C Trace Context has it."},
    {"SBX_RUNTIME_DIR", "The directory of the registry of sandboxes, in place of the usual one."},
    {"SBX_HELPER_PATH", "The directory of sbx-net, in place of the one it is installed in."},
    {"SBX_PROFILE_PATH", "Directories, separated by colons, in place of the usual search path of profiles."},
};

constexpr ForeignOption foreign[] = {
    {"privileged", "a sandbox is never privileged; name what is missing with --cap-add, --device or --rw"},
    {"P", "name each port that is to be open: --publish HOSTPORT:PORT"},
    {"mount", "use -v SOURCE:TARGET[:ro], or --tmpfs PATH"},
    {"security-opt",
     "no_new_privs, seccomp and Landlock are always on; change them with --set seccomp.allow=..., landlock.mode=..."},
    {"cpu-quota", "use --cpus, e.g. --cpus 0.5"},
    {"cpu-period", "use --set 'cgroup.cpu.max=50000 100000'"},
    {"memory-reservation", "use --set cgroup.memory.high=SIZE"},
    {"rootfs", "use --set filesystem.root=DIRECTORY"},
    {"entrypoint", "name the command itself after --"},
    {"init", "there always is an init that reaps and forwards signals; leave the option out"},
    {"pid", "every namespace is new unless the profile says otherwise: --set namespaces.pid=false"},
    {"ipc", "every namespace is new unless the profile says otherwise: --set namespaces.ipc=false"},
    {"uts", "every namespace is new unless the profile says otherwise: --set namespaces.uts=false"},
    {"userns", "every namespace is new unless the profile says otherwise: --set identity.subids=true maps more ids"},
    {"cgroup-parent", "use --set systemd.slice=NAME.slice"},
    {"bind", "use --rw PATH, or -v SOURCE:TARGET"},
    {"ro-bind", "use --ro PATH, or -v SOURCE:TARGET:ro"},
    {"chdir", "use --workdir DIR"},
    {"unshare-all", "every namespace is new already; leave the option out"},
    {"unshare-net", "there is no network unless asked for; leave the option out"},
    {"share-net", "use --net host"},
    {"setenv", "use -e NAME=VALUE"},
    {"die-with-parent", "a sandbox always ends with sbx; leave the option out"},
};

}  // namespace

std::span<const Command> commands() { return table(); }
std::span<const ExitStatus> exit_statuses() { return statuses; }
std::span<const EnvironmentVariable> environment_variables() { return variables; }
std::span<const ForeignOption> foreign_options() { return foreign; }

const Command* find_command(std::string_view name) {
  const auto all = commands();
  const auto found = std::ranges::find(all, name, &Command::name);
  return found == all.end() ? nullptr : &*found;
}

const OptionInfo* find_option(const Command& command, std::string_view name) {
  for (const auto& option : command.options)
    if (option.name == name || (!option.alias.empty() && option.alias == name)) return &option;
  return nullptr;
}

const OptionInfo* find_option(const Command& command, char letter) {
  for (const auto& option : command.options)
    if (option.letter != 0 && option.letter == letter) return &option;
  return nullptr;
}

}  // namespace sbx
