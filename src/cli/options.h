// Words of the command line against the table. options.cpp is the only user of Boost.Program_options.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command_table.h"

namespace sbx {

struct ParsedOption {
  const OptionInfo* option = nullptr;
  std::string spelled;  // "--rw" or "-v", for messages and origins
  std::string value;    // empty with Takes::nothing, and where an optional value is left out
};

struct ParsedLine {
  std::vector<ParsedOption> options;  // in the order given
  std::vector<std::string> words;     // what is no option
  bool has(std::string_view name) const;
};

// A command that runs another (Completes::command) ends its own options at the first word that is none: the rest is
// the payload's, untouched. The other subcommands take options and words in any order; -- ends the options of all.
Result<ParsedLine> parse_line(const Command& command, std::span<const std::string> words);

// The error of a wrong command line.
Error usage_error(std::string what, std::string hint = {});

}  // namespace sbx
