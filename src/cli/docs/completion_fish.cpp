#include "base/text.h"
#include "cli/docs/docs.h"

namespace sbx::docs {
namespace {

std::string quoted(std::string_view text) {
  return cat("'", replace_all(replace_all(text, "\\", "\\\\"), "'", "\\'"), "'");
}

std::string values_of(const OptionInfo& option) {
  if (option.name == "volume") return "(__sbx_volume)";
  switch (option.completes) {
    case Completes::directory: return "(__fish_complete_directories (commandline -ct))";
    case Completes::profile: return "(__sbx_profiles)";
    case Completes::sandbox: return "(__sbx_sandboxes)";
    case Completes::environment: return "(set -xn)";
    case Completes::key: return "(__sbx_keys)";
    case Completes::choice: return std::string(option.choices);
    default: return "";
  }
}

std::string option_line(const Command& command, const OptionInfo& option, std::string_view name) {
  auto out = cat("complete -c sbx -n \"__sbx_in ", command.name, "\" -l ", name);
  if (option.letter != 0 && name == option.name) out += cat(" -s ", option.letter);
  // -r: a value must follow; -F and -f: with and without file names.
  if (option.takes == Takes::value)
    out += option.completes == Completes::file && option.name != "volume" ? " -r -F"
           : option.completes == Completes::profile                       ? " -r -k"
                                                                          : " -x";
  if (const auto values = values_of(option); !values.empty() && option.takes == Takes::value)
    out += cat(" -a ", quoted(values));
  return cat(out, " -d ", quoted(first_sentence(option.meaning)), "\n");
}

std::string command_lines(const Command& command) {
  std::string out;
  const auto space = command.name.rfind(' ');
  const auto whole = space == std::string_view::npos ? std::string_view{} : command.name.substr(0, space);
  out += cat("complete -c sbx -n \"__sbx_in ", whole.empty() ? "''" : whole, "\" -a ", last_word(command.name), " -d ",
             quoted(command.summary), "\n");
  for (const auto& option : command.options) {
    out += option_line(command, option, option.name);
    if (!option.alias.empty()) out += option_line(command, option, option.alias);
  }
  if (command.completes == Completes::profile)
    out += cat("complete -c sbx -n \"__sbx_in ", command.name, "\" -k -a '(__sbx_profiles)'\n");
  if (command.completes == Completes::sandbox)
    out += cat("complete -c sbx -n \"__sbx_in ", command.name, "\" -k -a '(__sbx_sandboxes)'\n");
  if (command.completes == Completes::command)
    out += cat("complete -c sbx -n \"__sbx_in ", command.name,
               "; and not string match -q -- '-*' (commandline -ct)\" -a '(__fish_complete_command)'\n");
  return out;
}

// Options that take the next word, as "run --memory" and "run -m".
std::string awaiting_words() {
  std::string out;
  for (const auto& command : commands())
    for (const auto& option : command.options) {
      if (option.takes != Takes::value) continue;
      out += cat(" '", command.name, " --", option.name, "'");
      if (!option.alias.empty()) out += cat(" '", command.name, " --", option.alias, "'");
      if (option.letter != 0) out += cat(" '", command.name, " -", option.letter, "'");
    }
  return out;
}

constexpr std::string_view head = R"sh(# fish completion for sbx(1), generated from the table of its options

# Prints the subcommand on the line and, below it, the words of the payload before the cursor.
function __sbx_state
    set -l words (commandline -opc)
    set -e words[1]
    set -l command
    set -l awaiting 0
    set -l position 0
    for word in $words
        set position (math $position + 1)
        if test $awaiting = 1
            set awaiting 0
            continue
        end
        switch $word
            case --
                if test "$command" = run
                    echo payload
                    test $position -lt (count $words); and printf '%s\n' $words[(math $position + 1)..-1]
                    return
                end
            case '--*=*'
            case '-*'
                string match -qr '^-[^-]..*' -- $word; and set word -(string sub -s -1 -- $word)
                contains -- "$command $word" @AWAITING@
                and set awaiting 1
            case '*'
                if test "$command" = run
                    echo payload
                    printf '%s\n' $words[$position..-1]
                    return
                else if test -z "$command"
                    set command $word
                else if test "$command" = profile
                    set command "profile $word"
                end
        end
    end
    echo "$command"
end

# True where the cursor is among the options and words of this subcommand.
function __sbx_in
    set -l state (__sbx_state)
    test "$state[1]" = "$argv"
end

function __sbx_in_payload
    set -l state (__sbx_state)
    test "$state[1]" = payload
end

# The words of the payload complete as if they stood alone.
function __sbx_payload
    set -l state (__sbx_state)
    set -e state[1]
    set -l words
    for word in $state
        set -a words (string escape -- $word)
    end
    complete -C "$words "(commandline -ct)
end

function __sbx_profiles
    set -l program (commandline -opc)[1]
    command $program profile list --quiet 2>/dev/null
    __fish_complete_suffix .toml
end

function __sbx_sandboxes
    set -l program (commandline -opc)[1]
    command $program ps --format '{{.Name}}\t{{.Command}}' 2>/dev/null
end

function __sbx_keys
    printf '%s=\n' @KEYS@
end

function __sbx_volume
    set -l word (commandline -ct)
    # The token may carry the option itself: --volume=SOURCE, -vSOURCE.
    set -l value (string replace -r '^(--volume=|-v)' '' -- $word)
    set -l pieces (string split ':' -- $value)
    if test (count $pieces) -ge 3
        printf '%s:%s:%s\n' $pieces[1] $pieces[2] ro $pieces[1] $pieces[2] rw $pieces[1] $pieces[2] exec $pieces[1] $pieces[2] noexec $pieces[1] $pieces[2] optional
    else if test (count $pieces) -eq 2
        for path in (__fish_complete_path $pieces[2])
            printf '%s:%s\n' $pieces[1] (string split -m1 \t -- $path)[1]
        end
    else
        __fish_complete_path $value
    end
end

# Fish has no optional values: these are whole words.
function __sbx_report
    set -l file (string replace -r '^--report=json:' '' -- (commandline -ct))
    printf '%s\n' --report=text --report=json:
    string match -q -- '--report=json:*' (commandline -ct); or return
    for path in (__fish_complete_path $file)
        printf '%s\n' --report=json:(string split -m1 \t -- $path)[1]
    end
end

complete -c sbx -f
complete -c sbx -n "__sbx_in run; and string match -q -- '--report=*' (commandline -ct)" -a '(__sbx_report)'
complete -c sbx -n __sbx_in_payload -a '(__sbx_payload)'
complete -c sbx -n "__sbx_in ''" -s h -l help -d 'Print help'
complete -c sbx -n "__sbx_in ''" -l version -d 'Print the version'
)sh";

}  // namespace

std::string fish_completion() {
  auto out = replace_all(replace_all(head, "@AWAITING@", awaiting_words()), "@KEYS@", key_words());
  std::string topics = "keys";
  for (const auto& command : commands()) {
    if (command.name != "run") out += command_lines(command);
    if (command.name.find(' ') == std::string_view::npos) topics += cat(" ", command.name);
  }
  // Where letters are run together (-itp) fish takes each for the one that was given last, whatever its condition: sbx stop
  // has a -t with a value.
  out += command_lines(*find_command("run"));
  return cat(out, "complete -c sbx -n \"__sbx_in help\" -a '", topics, "'\n");
}

}  // namespace sbx::docs
