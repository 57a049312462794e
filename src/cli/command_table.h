// The table of subcommands and their options: the one source of parsing, --help, sbx(1) and the completions.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sbx {

enum class Takes : std::uint8_t { nothing, value, optional_value };
// What a shell offers for a value.
enum class Completes : std::uint8_t {
  nothing,
  file,
  directory,
  profile,
  profile_file,
  choice,
  key,
  environment,
  command,
  topic,
  sandbox
};

struct OptionInfo {
  std::string_view name;  // "memory", without the dashes
  char letter = 0;        // 'm', or 0
  Takes takes = Takes::nothing;
  std::string_view placeholder;  // "SIZE"
  std::string_view meaning;      // sentences, for help and manual
  Completes completes = Completes::nothing;
  std::string_view choices = {};  // space separated, with Completes::choice
  std::string_view key = {};      // the profile key it sets
  std::string_view heading = {};  // starts a group of options
  std::string_view alias = {};    // another name for the same
};

struct Example {
  std::string_view command;
  std::string_view meaning;
};

struct Command {
  std::string_view name;       // "run", "profile list"
  std::string_view arguments;  // what follows the options in the usage line
  std::string_view summary;    // one line without a full stop
  std::string_view details;    // paragraphs, separated by an empty line
  std::span<const OptionInfo> options;
  std::span<const Example> examples;
  Completes completes = Completes::nothing;  // of the words that are no options
};

std::span<const Command> commands();
// Null where there is none.
const Command* find_command(std::string_view name);
const OptionInfo* find_option(const Command& command, std::string_view name);
const OptionInfo* find_option(const Command& command, char letter);

struct ExitStatus {
  std::string_view status, meaning;
};
std::span<const ExitStatus> exit_statuses();

struct EnvironmentVariable {
  std::string_view name, meaning;
};
std::span<const EnvironmentVariable> environment_variables();

// What podman run knows and sbx run doesn't: the answer to give.
struct ForeignOption {
  std::string_view name;  // "detach", or "d"
  std::string_view answer;
};
std::span<const ForeignOption> foreign_options();

// The profile that `sbx run` takes where none is named.
inline constexpr std::string_view default_profile = "untrusted";

}  // namespace sbx
