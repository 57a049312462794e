#include "cli/sandbox_table.h"

#include <array>
#include <vector>

#include "cli/run_table.h"

namespace sbx {
namespace {

constexpr OptionInfo help_option = {"help", 'h', Takes::nothing, {}, "Print this help."};
constexpr OptionInfo json_option = {"json", 0, Takes::nothing, {}, "Print JSON."};
constexpr OptionInfo all_option = {"all", 'a', Takes::nothing, {}, "Take all running sandboxes."};
constexpr OptionInfo latest_option = {"latest", 'l', Takes::nothing, {}, "Take the one that was started last."};

constexpr OptionInfo ps_options[] = {
    {"all", 'a', Takes::nothing, {}, "Show those that have ended as well, as far as they are remembered: the last few hundred since the boot."},
    {"filter", 'f', Takes::value, "NAME=VALUE",
     "Show those alone that fit: id (its beginning), name (a part of it), profile, status (running, frozen, exited). Of several of one NAME one has to fit.",
     Completes::choice, "id= name= profile= status=running status=frozen status=exited"},
    {"format", 0, Takes::value, "TEMPLATE",
     "Print each by a template: {{.ID}}, {{.Name}}, {{.Profile}}, {{.Command}}, {{.Created}}, {{.CreatedAt}}, {{.Status}}, {{.State}}, {{.Pid}}, {{.Cgroup}}, "
     "{{.Scope}}, {{.ExitCode}}; \"table \" at its beginning puts a header on top. json is --json."},
    json_option,
    {"latest", 'l', Takes::nothing, {}, "Show the one that was started last."},
    {"no-trunc", 0, Takes::nothing, {}, "Show commands whole."},
    {"quiet", 'q', Takes::nothing, {}, "Print ids alone."},
    help_option};
constexpr Example ps_examples[] = {{"sbx ps", "what runs"},
                                   {"sbx ps -a --filter profile=ci", "what ran under a profile, and how it ended"},
                                   {"sbx ps --format '{{.Name}} {{.Pid}}'", "names and pids, for scripts"},
                                   {"sbx stop $(sbx ps -q)", "ids for another command"}};

constexpr OptionInfo inspect_options[] = {all_option, latest_option, help_option};
constexpr Example inspect_examples[] = {{"sbx inspect web", "all that is known of it, as JSON"},
                                        {"sbx inspect --latest | jq '.[].state'", "what the kernel says of the latest"}};

constexpr OptionInfo stats_options[] = {
    {"no-stream", 0, Takes::nothing, {}, "Print once; CPU % is then that since the start."},
    {"interval", 'i', Takes::value, "TIME", "Look again after TIME: seconds, or a span like 500ms. Unset: 5 seconds."},
    {"format", 0, Takes::value, "TEMPLATE",
     "Print each by a template: {{.ID}}, {{.Name}}, {{.CPUPerc}}, {{.MemUsage}}, {{.MemPerc}}, {{.NetIO}}, {{.BlockIO}}, {{.PIDs}}. json is --json."},
    {"json", 0, Takes::nothing, {}, "Print JSON; without --no-stream one line each time."},
    all_option, latest_option, help_option};
constexpr Example stats_examples[] = {{"sbx stats", "all of them, anew every five seconds"},
                                      {"sbx stats --no-stream --json web", "one, once, for programs"}};

constexpr OptionInfo wait_options[] = {
    {"timeout", 't', Takes::value, "TIME", "Wait for at most TIME: seconds, or a span like 10min. The status is 124 then."},
    all_option, latest_option, help_option};
constexpr Example wait_examples[] = {{"sbx wait web", "returns when it has ended, and prints its exit status"},
                                     {"sbx wait --timeout 10min --all", "all that run now, for ten minutes at most"}};

constexpr OptionInfo events_options[] = {
    {"event", 0, Takes::value, "EVENT", "Tell of EVENT alone; may be given several times.", Completes::choice, "started oom frozen thawed exited"},
    {"json", 0, Takes::nothing, {}, "Print one line of JSON for each."},
    {"timeout", 't', Takes::value, "TIME", "End after TIME: seconds, or a span like 10min."},
    help_option};
constexpr Example events_examples[] = {{"sbx events", "what happens from now on"},
                                       {"sbx events --json --event oom", "who runs out of memory, for programs"}};

constexpr OptionInfo kill_options[] = {
    {"signal", 's', Takes::value, "SIGNAL", "The signal: TERM, SIGTERM or 15. Unset: KILL.", Completes::choice,
     "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH"},
    {"all", 'a', Takes::nothing, {}, "Send it to every process of the sandbox, rather than to the command."},
    latest_option, help_option};
constexpr Example kill_examples[] = {{"sbx kill -s HUP web", "to the command"},
                                     {"sbx kill web", "the sandbox ends at once"},
                                     {"sbx kill -s USR1 --all web", "to each of its processes"}};

constexpr OptionInfo stop_options[] = {
    {"time", 't', Takes::value, "TIME", "Wait for TIME before the end by force: seconds, or a span. Unset: the profile's limits.grace."},
    all_option, latest_option, help_option};
constexpr Example stop_examples[] = {{"sbx stop web", "SIGTERM, and in the end SIGKILL"}, {"sbx stop -t 1min --all", "all, with a minute to end by themselves"}};

constexpr OptionInfo freeze_options[] = {all_option, latest_option, help_option};
constexpr Example freeze_examples[] = {{"sbx freeze web", "stands still until sbx thaw"}};
constexpr Example thaw_examples[] = {{"sbx thaw web", "goes on"}};

constexpr Example update_examples[] = {{"sbx update web --memory 1G --cpus 2 --pids-limit 100", "other limits, and what the kernel says of them then"}};

// The same rows as those of run: one meaning, one syntax.
std::span<const OptionInfo> update_options() {
  static const auto all = [] {
    std::vector<OptionInfo> options;
    for (const auto name : {"memory", "memory-swap", "cpus", "cpu-shares", "pids-limit", "set"})
      if (const auto* option = find_option(run_command_table(), std::string_view(name))) options.push_back(*option);
    options.front().heading = {};
    for (auto& option : options)
      if (option.name == "memory") option.meaning = "Kill the sandbox where all its processes use more memory than SIZE, e.g. 512m. At once where they do already.";
      else if (option.name == "set") option.meaning = "Set any key of [cgroup], e.g. cgroup.memory.high=100M.";
    for (const auto& option : {all_option, latest_option, help_option}) options.push_back(option);
    return options;
  }();
  return all;
}

}  // namespace

std::span<const Command> sandbox_command_tables() {
  static const std::array all = {
      Command{"ps", "", "List the sandboxes that run",
              "The caller's own: each user has a registry of their own, and root another. The latest comes first.", ps_options, ps_examples},
      Command{"inspect", "ID...", "Print all that is known of sandboxes, as JSON",
              "What was asked for (spec), how it was planned (plan), what was enforced where that was read back (receipt: sbx run --report or --require), what it goes "
              "without (losses), and what the kernel says of it now (state).\nID is a sandbox's name, its id or the beginning of its id that no other has.",
              inspect_options, inspect_examples, Completes::sandbox},
      Command{"stats", "[ID...]", "Show what sandboxes use",
              "From their cgroups. For a sandbox without one its processes are added up from /proc, and what that can't tell shows as --. Memory is held against the limit, or "
              "against the host's where there is none. NET IO is that of a network of its own.\nID is a sandbox's name, its id or the beginning of its id that no other has.",
              stats_options, stats_examples, Completes::sandbox},
      Command{"wait", "ID...", "Wait for the end of sandboxes, and print their exit statuses",
              "One line each, in the order given. One that has ended already is looked up among those that are remembered.\nID is a sandbox's name, its id or the beginning of its "
              "id that no other has.",
              wait_options, wait_examples, Completes::sandbox},
      Command{"events", "", "Tell what happens to sandboxes",
              "A line when one is started, loses a process to the limit of its memory (oom), is frozen, is thawed, and has exited.", events_options, events_examples},
      Command{"kill", "ID...", "Send a signal to sandboxes",
              "The signal goes to the command; SIGKILL ends the whole sandbox. Unlike elsewhere --all means the processes, not the sandboxes: to name all of these, write $(sbx ps -q).\n"
              "ID is a sandbox's name, its id or the beginning of its id that no other has.",
              kill_options, kill_examples, Completes::sandbox},
      Command{"stop", "ID...", "End sandboxes, by force where they don't end by themselves",
              "SIGTERM goes to the command; what still runs when its time is over is killed, all processes at once. A frozen sandbox is thawed, to act on the signal. sbx run returns "
              "the command's status, or 137.\nID is a sandbox's name, its id or the beginning of its id that no other has.",
              stop_options, stop_examples, Completes::sandbox},
      Command{"freeze", "ID...", "Make sandboxes stand still",
              "No process of theirs gets time on a CPU until sbx thaw. That takes a cgroup of their own. Time limits run on.\nID is a sandbox's name, its id or the beginning of its id "
              "that no other has.",
              freeze_options, freeze_examples, Completes::sandbox},
      Command{"thaw", "ID...", "Let frozen sandboxes go on", "ID is a sandbox's name, its id or the beginning of its id that no other has.", freeze_options, thaw_examples,
              Completes::sandbox},
      Command{"update", "ID...", "Change the limits of sandboxes that run",
              "By the service manager for a scope. What the kernel then says is printed; a limit that doesn't hold is an error. It lasts as long as the sandbox.\nID is a sandbox's name, "
              "its id or the beginning of its id that no other has.",
              update_options(), update_examples, Completes::sandbox}};
  return all;
}

}  // namespace sbx
