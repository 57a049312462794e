// Build-time: manual pages and completions out of the tables of commands and of profile keys.
#pragma once
#include <string>
#include <string_view>

#include "cli/command_table.h"

namespace sbx::docs {
std::string man_sbx(std::string_view version);
std::string man_sbx_profile(std::string_view version);
std::string services_section();
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

// The parts of "profile" are its subcommands.
bool has_parts(const Command& command);
bool is_part_of(const Command& part, const Command& whole);
std::string_view last_word(std::string_view name);
// "_profile_show" of "profile show".
std::string identifier(std::string_view name);
// The names of all profile keys, separated by spaces.
std::string key_words();
std::string replace_all(std::string_view text, std::string_view what, std::string_view with);
// The first sentence, without its full stop: what fits beside a completion.
std::string first_sentence(std::string_view text);
}  // namespace sbx::docs
