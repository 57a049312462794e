#include "cli/shim_table.h"

namespace sbx {
namespace {

constexpr OptionInfo dir_option = {"dir", 0, Takes::value, "DIR", "The directory of the wrappers. Without it: ~/.local/bin.",
                                   Completes::directory};
constexpr OptionInfo help_option = {"help", 'h', Takes::nothing, {}, "Print this help."};

constexpr OptionInfo help_only[] = {help_option};
constexpr OptionInfo install_options[] = {
    {"profile", 'p', Takes::value, "NAME|FILE",
     "The profile to run it under. Without it: the profile of the program's own name.", Completes::profile},
    dir_option, help_option};
constexpr OptionInfo list_options[] = {{"json", 0, Takes::nothing, {}, "Print JSON."}, dir_option, help_option};
constexpr OptionInfo remove_options[] = {dir_option, help_option};

constexpr Example shim_examples[] = {{"sbx shim install make --profile build", "make means make in a sandbox from now on"},
                                     {"sbx shim list", "which programs are wrapped, and how"},
                                     {"sbx shim remove make", "back to the program itself"}};
constexpr Example install_examples[] = {{"sbx shim install make --profile build", "make means make in a sandbox from now on"},
                                        {"sbx shim install -p untrusted /usr/bin/unzip", "a program by its path"}};
constexpr Example list_examples[] = {{"sbx shim list", "which programs are wrapped, and how"},
                                     {"sbx shim list --json", "the same for programs"}};
constexpr Example remove_examples[] = {{"sbx shim remove make", "back to the program itself"}};

constexpr Command shim_commands[] = {
    {"shim", "COMMAND", "Wrap programs so that they always run in a sandbox",
     "A wrapper is a small script of the program's name in a directory that PATH finds first.", help_only, shim_examples},
    {"shim install", "NAME|PATH...", "Put a wrapper in a program's place",
     "The program is looked for in PATH, past wrappers that are there already, or is named by its PATH; the wrapper runs "
     "just that file, so that it can't run itself. A file that isn't a wrapper is never overwritten. Where PATH wouldn't "
     "find the wrapper first, that is said.",
     install_options, install_examples},
    {"shim list", "", "List the wrappers", "", list_options, list_examples},
    {"shim remove", "NAME...", "Remove wrappers", "Only what is a wrapper is removed.", remove_options, remove_examples},
};

}  // namespace

std::span<const Command> shim_command_table() { return shim_commands; }

}  // namespace sbx
