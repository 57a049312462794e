#include "cli/net_table.h"

namespace sbx {
namespace {

constexpr OptionInfo options[] = {
    {"follow", 'f', Takes::nothing, {}, "With log: go on with what is decided from now on, until the sandbox ends."},
    {"json", 0, Takes::nothing, {}, "Print JSON; log prints one object a line."},
    {"help", 'h', Takes::nothing, {}, "Print this help."},
};
constexpr Example examples[] = {
    {"sbx net web list", "what the sandbox may reach"},
    {"sbx net web allow '*.example.org:443'", "one rule more, from now on"},
    {"sbx net web deny www.example.org", "and one that wins; connections that it ends are cut"},
    {"sbx net web remove www.example.org", "without that rule again"},
    {"sbx net groups npm", "what --allow @npm would open"},
    {"sbx net web log -f", "what is decided, as it is decided"},
};
constexpr Command row = {
    "net", "ID COMMAND [RULE...] | groups [NAME...]", "Show and change what a sandbox with a filtered network may reach",
    "COMMAND is list, allow, deny, remove or log. ID is a sandbox's name, its id or the beginning of one. RULE is HOST, *.DOMAIN (all below it), an address or "
    "ADDRESS/BITS, with :PORT or :PORT-PORT where wanted. Changes hold until the sandbox ends; connections that no rule allows any more are cut.\n\n"
    "groups prints what each group of rules stands for here: @apt, @cargo, @go, @npm and @pip are worked out from how these tools are configured, @git from the remotes of the "
    "repository that sbx is called in, and a file NAME below ~/.config/sbx/allow.d or /etc/sbx/allow.d, a rule a line, is @NAME.",
    options, examples, Completes::sandbox};

}  // namespace

const Command& net_command_table() { return row; }

}  // namespace sbx
