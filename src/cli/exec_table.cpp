// The options of `sbx exec`. Where podman-exec(1) has a flag for a thing, it is the same flag.
#include "cli/exec_table.h"

namespace sbx {
namespace {

constexpr OptionInfo options[] = {
    {"tty", 't', Takes::nothing, {}, "Require a terminal. Without -t and -i the command gets one where sbx has one."},
    {"interactive",
     'i',
     Takes::nothing,
     {},
     "Alone: plain pipes even on a terminal. Standard input is always passed on."},
    {"env",
     'e',
     Takes::value,
     "NAME[=VALUE]",
     "Set an environment variable beside the sandbox's own; without =VALUE pass the caller's on.",
     Completes::environment},
    {"workdir",
     'w',
     Takes::value,
     "DIR",
     "Start the command in DIR, inside. Without it, where the sandbox's own command was started.",
     Completes::directory},
    {"help", 'h', Takes::nothing, {}, "Print this help."},
};

constexpr Example examples[] = {
    {"sbx exec web -- ps aux", "what runs in the sandbox called web"},
    {"sbx exec -t web -- sh", "a shell in it"},
    {"sbx exec -e DEBUG=1 -w /srv web -- ./check", "with a variable, in a directory"},
};

}  // namespace

const Command& exec_command_table() {
  static constexpr Command command = {
      "exec",
      "SANDBOX [--] COMMAND [ARGUMENT...]",
      "Run one more command in a running sandbox",
      "SANDBOX is a name, an id or the beginning of one. The command is within the sandbox's limits before it enters, and "
      "confined as the sandbox's own command is: the same namespaces, system-call filter, Landlock rules, capabilities, "
      "ids, resource limits and environment. Nothing of the caller's goes with it but standard input, output and error.\n\n"
      "The command ends with the sandbox, and with sbx. What runs in the sandbox already has the same ids: what is typed "
      "into the command can be read there.",
      options,
      examples,
      Completes::command};
  return command;
}

}  // namespace sbx
