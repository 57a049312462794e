#include "base/text.h"
#include "cli/docs/docs.h"

namespace sbx::docs {
namespace {

std::string description(std::string_view text) {
  auto out = replace_all(text, "'", "'\\''");
  for (const std::string_view special : {":", "[", "]"}) out = replace_all(out, special, cat("\\", special));
  return out;
}

std::string action_of(const OptionInfo& option) {
  if (option.name == "volume") return "_sbx_volume";
  if (option.takes == Takes::optional_value) return "_sbx_report";
  switch (option.completes) {
    case Completes::file: return "_files";
    case Completes::directory: return "_files -/";
    case Completes::profile: return "_sbx_profiles";
    case Completes::sandbox: return "_sbx_sandboxes";
    case Completes::environment: return "_sbx_environment";
    case Completes::key: return "_sbx_keys";
    // A choice that ends in = goes on behind it.
    case Completes::choice:
      return option.choices.find('=') == std::string_view::npos ? cat("(", option.choices, ")")
                                                                : cat("compadd -S \"\" -- ", option.choices);
    default: return " ";
  }
}

// One spec of _arguments for each option.
std::string option_specs(const Command& command) {
  std::string out;
  for (const auto& option : command.options) {
    const auto text = description(first_sentence(option.meaning));
    const auto value = cat(":", description(option.placeholder), ":", action_of(option));
    std::string spellings = cat("--", option.name);
    if (option.takes == Takes::value) spellings += "=";
    if (!option.alias.empty()) spellings += cat(",--", option.alias, option.takes == Takes::value ? "=" : "");
    if (option.letter != 0) spellings += cat(",-", option.letter, option.takes == Takes::value ? "+" : "");
    const bool several = spellings.find(',') != std::string::npos;
    const auto names = several ? cat("{", spellings, "}") : spellings;
    if (option.takes == Takes::optional_value) out += cat("    '--", option.name, "=-[", text, "]:", value, "'");
    else out += cat("    '*'", names, "'[", text, "]", option.takes == Takes::value ? value : "", "'");
    out += " \\\n";
  }
  return out;
}

std::string words_spec(const Command& command) {
  switch (command.completes) {
    case Completes::command: return "    '(-)1:command:_command_names -e' '*::argument:_normal'";
    case Completes::profile: return "    '*:profile:_sbx_profiles'";
    case Completes::sandbox: return "    '*:sandbox:_sbx_sandboxes'";
    case Completes::topic: return "    '1:topic:_sbx_topics'";
    default: return "    ";
  }
}

std::string function_of(const Command& command) {
  if (has_parts(command)) {
    std::string parts;
    for (const auto& part : commands())
      if (is_part_of(part, command)) parts += cat("    '", last_word(part.name), ":", description(part.summary), "'\n");
    return cat("_sbx", identifier(command.name), "() {\n  _sbx_parts ", command.name, " \\\n",
               replace_all(parts, "'\n", "' \\\n"), "\n}\n\n");
  }
  const bool runs = command.completes == Completes::command;
  return cat("_sbx", identifier(command.name), "() {\n  _arguments -s -S ", runs ? "-A '-*' " : "", "\\\n",
             option_specs(command), words_spec(command), "\n}\n\n");
}

constexpr std::string_view head = R"sh(#compdef sbx
# zsh completion for sbx(1), generated from the table of its options

_sbx_profiles() {
  local -a names
  names=(${(f)"$(_call_program profiles ${(q)sbx_program} profile list --quiet 2>/dev/null)"})
  _alternative 'profiles:profile:compadd -a names' 'files:file:_files -g "*.toml(-.)"'
}

_sbx_sandboxes() {
  local -a names
  names=(${=${(f)"$(_call_program sandboxes ${(q)sbx_program} ps --format "'{{.Name}} {{.ID}}'" 2>/dev/null)"}})
  _wanted sandboxes expl sandbox compadd -a names
}

_sbx_keys() { compadd -S = -- @KEYS@ }

_sbx_environment() { compadd -- ${(k)parameters[(R)*export*]} }

_sbx_topics() { compadd -- keys @TOP@ }

_sbx_volume() {
  if compset -P '*:*:'; then compadd -S '' -- ro rw exec noexec optional
  elif compset -P '*:'; then _files
  else _files -S ''
  fi
}

_sbx_report() {
  if compset -P 'json:'; then _files
  else compadd -S '' -- text json:
  fi
}

# The subcommands of $1, given as name:description, and then the chosen one's own function.
_sbx_parts() {
  local whole=$1 curcontext=$curcontext state line ret=1
  local -a parts
  shift
  parts=("$@")
  _arguments -C -A '-*' '(- *)'{-h,--help}'[Print help]' "${sbx_more[@]}" '1:command:->command' '*::argument:->arguments' && ret=0
  case $state in
    command) _describe -t commands command parts && ret=0 ;;
    arguments)
      local function=_sbx${whole:+_$whole}_$words[1]
      curcontext="${curcontext%:*}-$words[1]:"
      sbx_more=()
      (( $+functions[$function] )) && $function && ret=0
      ;;
  esac
  return ret
}

)sh";

}  // namespace

std::string zsh_completion() {
  std::string top;
  std::string parts;
  std::string functions;
  for (const auto& command : commands()) {
    functions += function_of(command);
    if (command.name.find(' ') != std::string_view::npos) continue;
    top += cat(top.empty() ? "" : " ", command.name);
    parts += cat("    '", command.name, ":", description(command.summary), "' \\\n");
  }
  return cat(replace_all(replace_all(head, "@KEYS@", key_words()), "@TOP@", top), functions,
             "_sbx() {\n  local sbx_program=$words[1]\n  local -a sbx_more\n  sbx_more=('(- *)--version[Print the "
             "version]')\n  _sbx_parts '' \\\n",
             parts, "\n}\n\n_sbx \"$@\"\n");
}

}  // namespace sbx::docs
