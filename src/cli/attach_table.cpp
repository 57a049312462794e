// The options of `sbx attach`, as podman-attach(1) has them.
#include "cli/attach_table.h"

namespace sbx {
namespace {

constexpr OptionInfo options[] = {
    {"detach-keys", 0, Takes::value, "KEYS",
     "The keys that leave the sandbox to itself again, separated by commas: characters, or ctrl- and one. Without it "
     "ctrl-p,ctrl-q; an empty value is none."},
    {"no-stdin", 0, Takes::nothing, {}, "Only watch: pass nothing on."},
    {"sig-proxy", 0, Takes::value, "true|false",
     "Pass signals that sbx gets on to the command; true is what holds without it. With false they end sbx attach.",
     Completes::choice, "true false"},
    {"help", 'h', Takes::nothing, {}, "Print this help."},
};

constexpr Example examples[] = {
    {"sbx attach web", "its terminal; ctrl-p ctrl-q leaves it again"},
    {"sbx attach --no-stdin web", "only watch"},
};

}  // namespace

const Command& attach_command_table() {
  static constexpr Command command = {
      "attach",
      "SANDBOX",
      "Take up the terminal of a sandbox in the background",
      "SANDBOX is a name, an id or the beginning of one, started by sbx run -d -t. What its terminal showed last is shown "
      "again. Up to eight may be attached at once; all see the same, and the last one to change its size says how large it is. "
      "The status is the command's, or 0 after the detach keys.",
      options,
      examples,
      Completes::sandbox};
  return command;
}

}  // namespace sbx
