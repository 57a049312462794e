// The options of `sbx unit`.
#include "cli/unit.h"

namespace sbx {
namespace {

constexpr OptionInfo options[] = {
    {"user", 0, Takes::nothing, {}, "For the user's service manager: the default, but for root."},
    {"system", 0, Takes::nothing, {}, "For the system's service manager."},
    {"as", 0, Takes::value, "USER", "Run as USER; a system unit runs as root without."},
    {"type", 0, Takes::value, "TYPE",
     "Type= of the unit: exec (the default), oneshot, or as the command tells that it is ready: notify, notify-reload, forking.",
     Completes::choice, "exec oneshot notify notify-reload forking"},
    {"set", 0, Takes::value, "KEY=VALUE", "Set a key over the profile, here and in what the unit runs.", Completes::key},
    {"help", 'h', Takes::nothing, {}, "Print this help."},
};
constexpr Example examples[] = {
    {"sbx unit service -- python3 -m http.server", "a unit for the user's manager, on standard output"},
    {"sbx unit service --type notify --set cgroup.memory.max=512M -- /usr/bin/redis-server", "one that tells when it is ready"},
    {"sbx unit service --system --as www-data -- sleep 60", "for the system's manager"},
};

}  // namespace

const Command& unit_command_table() {
  static constexpr Command command = {
      "unit",
      "PROFILE [-- COMMAND [ARGUMENT...]]",
      "Print a unit file that runs a profile as a service",
      "Without a COMMAND it is the profile's. The profile's limits are directives of the unit. Put it into "
      "~/.config/systemd/user or /etc/systemd/system and call systemctl daemon-reload.\n\n"
      "For a profile with a command of its own there is a unit already: systemctl --user start sbx@PROFILE.",
      options,
      examples,
      Completes::profile};
  return command;
}

}  // namespace sbx
