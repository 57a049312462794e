#include "base/text.h"
#include "cli/docs/docs.h"

namespace sbx::docs {
namespace {

std::string kind_of(const OptionInfo& option) {
  switch (option.completes) {
    case Completes::file: return option.name == "volume" ? "volume" : "file";
    case Completes::directory: return "directory";
    case Completes::profile: return "profile";
    case Completes::sandbox: return "sandbox";
    case Completes::environment: return "environment";
    case Completes::key: return "key";
    case Completes::choice: return cat("words ", option.choices);
    default: return "nothing";
  }
}

std::string option_words(const Command& command) {
  std::string out;
  for (const auto& option : command.options) {
    out += cat(out.empty() ? "--" : " --", option.name, option.takes == Takes::optional_value ? " --" : "",
               option.takes == Takes::optional_value ? cat(option.name, "=") : "");
    if (!option.alias.empty()) out += cat(" --", option.alias);
    if (option.letter != 0) out += cat(" -", option.letter);
  }
  return out;
}

// `case` branches that say how an option's value is completed.
std::string value_branches() {
  std::string out;
  for (const auto& command : commands())
    for (const auto& option : command.options) {
      if (option.takes == Takes::nothing) continue;
      out += cat("    '", command.name, " --", option.name, "'");
      if (!option.alias.empty()) out += cat(" | '", command.name, " --", option.alias, "'");
      if (option.letter != 0) out += cat(" | '", command.name, " -", option.letter, "'");
      out +=
          cat(") _sbx_kind='", kind_of(option), "'; _sbx_separate=", option.takes == Takes::value ? "1" : "0", " ;;\n");
    }
  return out;
}

std::string command_branches() {
  std::string out;
  for (const auto& command : commands()) {
    std::string words;
    for (const auto& part : commands())
      if (is_part_of(part, command)) words += cat(words.empty() ? "words " : " ", last_word(part.name));
    if (words.empty() && command.completes == Completes::profile) words = "profile";
    if (words.empty() && command.completes == Completes::sandbox) words = "sandbox";
    if (words.empty() && command.completes == Completes::topic) words = "topic";
    out += cat("    '", command.name, "') _sbx_options='", option_words(command), "'; _sbx_kind='",
               words.empty() ? "nothing" : words, "' ;;\n");
  }
  return out;
}

constexpr std::string_view script = R"sh(# bash completion for sbx(1), generated from the table of its options

# How the value of option $2 of the command $1 is completed; 1 where there is no such option or it takes none.
_sbx_describe_option() {
  _sbx_kind='' _sbx_separate=0
  case "$1 $2" in
@VALUES@    *) return 1 ;;
  esac
}

_sbx_describe_command() {
  _sbx_options='' _sbx_kind=nothing
  case "$1" in
@COMMANDS@  esac
}

# Replies for the value $2 of kind $1.
_sbx_reply() {
  local IFS=$' \t\n' kind=${1%% *} value=$2
  case "$kind" in
    words) mapfile -t COMPREPLY < <(compgen -W "${1#words }" -- "$value") ;;
    topic) mapfile -t COMPREPLY < <(compgen -W '@TOPICS@' -- "$value") ;;
    environment) mapfile -t COMPREPLY < <(compgen -e -- "$value") ;;
    key)
      mapfile -t COMPREPLY < <(compgen -W '@KEYS@' -S = -- "$value")
      compopt -o nospace 2>/dev/null
      ;;
    sandbox)
      mapfile -t COMPREPLY < <(compgen -W "$("$_sbx_program" ps --format '{{.Name}} {{.ID}}' 2>/dev/null)" -- "$value") ;;
    profile)
      mapfile -t COMPREPLY < <(compgen -W "$("$_sbx_program" profile list --quiet 2>/dev/null)" -- "$value"
        compgen -f -X '!*.toml' -- "$value"; [[ $value == */* ]] && compgen -d -S / -- "$value")
      [[ ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
      ;;
    file | volume | directory)
      local action=-f
      [[ $kind == directory ]] && action=-d
      mapfile -t COMPREPLY < <(compgen "$action" -- "$value")
      compopt -o filenames 2>/dev/null
      [[ $kind == volume ]] && compopt -o nospace 2>/dev/null
      ;;
  esac
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace 2>/dev/null
}

# The words of the payload complete as if they stood alone.
_sbx_payload() {
  if declare -F _comp_command_offset >/dev/null; then _comp_command_offset "$1"
  elif declare -F _command_offset >/dev/null; then _command_offset "$1"
  elif ((COMP_CWORD == $1)); then mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
  else mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"); compopt -o filenames 2>/dev/null
  fi
}

_sbx() {
  local _sbx_kind _sbx_separate _sbx_options _sbx_program=$1 IFS=$' \t\n'
  local words=() starts=() line=${COMP_LINE:0:COMP_POINT} word gap i
  COMPREPLY=()
  # Bash splits at = and : as well; what stands together in the line is one word.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    gap=${line%%[![:space:]]*}
    line=${line#"$gap"}
    line=${line#"$word"}
    if ((i == 0)) || [[ -n $gap ]]; then words+=("$word"); starts+=("$i")
    else words[${#words[@]} - 1]+=$word
    fi
  done
  local last=$((${#words[@]} - 1)) command='' awaiting='' ended=0
  for ((i = 1; i < last; i++)); do
    word=${words[i]}
    if [[ -n $awaiting ]]; then awaiting=''; continue; fi
    if [[ $word == -- && $command == run ]]; then _sbx_payload "${starts[i + 1]}"; return; fi
    if [[ $word == -- ]]; then ended=1; continue; fi
    if [[ $word == -* && $ended == 0 ]]; then
      [[ $word == --*=* ]] && continue
      # Of a cluster of letters the last one may await a value.
      [[ $word != --* && ${#word} -gt 2 ]] && word=-${word: -1}
      _sbx_describe_option "$command" "$word" && ((_sbx_separate)) && awaiting=$word
      continue
    fi
    case "$command" in
      run) _sbx_payload "${starts[i]}"; return ;;
      '') command=$word ;;
      profile) command="profile $word" ;;
    esac
  done
  local current=${words[last]}
  if [[ -n $awaiting ]]; then
    _sbx_describe_option "$command" "$awaiting"
    _sbx_value "$current"
  elif [[ $current == --*=* && $ended == 0 ]]; then
    _sbx_describe_option "$command" "${current%%=*}" || return
    _sbx_value "${current#*=}"
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W '@TOP@ --help --version' -- "$current")
  else
    _sbx_describe_command "$command"
    if [[ $current == -* && $ended == 0 ]]; then _sbx_reply "words $_sbx_options" "$current"
    elif [[ $command == run ]]; then _sbx_payload "${starts[last]}"
    else _sbx_reply "$_sbx_kind" "$current"
    fi
  fi
}

# Completes the value $1 and takes away what stands before the last = or :, which bash keeps by itself.
_sbx_value() {
  local value=$1 kept='' i
  if [[ $_sbx_kind == volume && $value == *:*:* ]]; then kept=${value%:*}:; value=${value##*:}; _sbx_reply 'words ro rw exec noexec optional' "$value"
  elif [[ $_sbx_kind == volume && $value == *:* ]]; then kept=${value%:*}:; value=${value##*:}; _sbx_reply volume "$value"
  elif [[ $_sbx_kind == words*json:* && $value == json:?* ]]; then value=${value#json:}; _sbx_reply file "$value"
  elif [[ $value == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]]; then
    kept=${value%[=:]*}; kept=${value:0:${#kept} + 1}
    _sbx_reply "$_sbx_kind" "$value"
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$kept"}; done
  else _sbx_reply "$_sbx_kind" "$value"
  fi
}

complete -F _sbx sbx
)sh";

}  // namespace

std::string bash_completion() {
  std::string top;
  std::string topics = "keys";
  for (const auto& command : commands()) {
    if (command.name.find(' ') != std::string_view::npos) continue;
    top += cat(top.empty() ? "" : " ", command.name);
    topics += cat(" ", command.name);
  }
  auto out = replace_all(script, "@VALUES@", value_branches());
  out = replace_all(out, "@COMMANDS@", command_branches());
  out = replace_all(out, "@TOPICS@", topics);
  out = replace_all(out, "@TOP@", top);
  return replace_all(out, "@KEYS@", key_words());
}

}  // namespace sbx::docs
