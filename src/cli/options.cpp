#include "cli/options.h"

#include <algorithm>
#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>

#include "base/text.h"

namespace po = boost::program_options;

namespace sbx {
namespace {

Error unknown_option(const Command& command, std::string_view spelled, std::string_view name) {
  for (const auto& foreign : foreign_options())
    if (command.name == "run" && foreign.name == name)
      return usage_error(cat("sbx run has no option ", spelled), std::string(foreign.answer));
  std::vector<std::string_view> names;
  for (const auto& option : command.options) {
    names.push_back(option.name);
    if (!option.alias.empty()) names.push_back(option.alias);
  }
  if (const auto near = nearest(name, names); near && spelled.starts_with("--"))
    return usage_error(cat("unknown option ", spelled), cat("did you mean --", *near, "?"));
  return usage_error(cat("unknown option ", spelled), cat("see sbx help ", command.name));
}

Error missing_value(const OptionInfo& option, std::string_view spelled) {
  return usage_error(cat("option ", spelled, " needs a value"), cat("write --", option.name, "=", option.placeholder));
}

// Whether the option word `word` takes the word after it as its value; an error for an option that doesn't exist.
Result<const OptionInfo*> option_awaiting_value(const Command& command, const std::string& word) {
  if (word.starts_with("--")) {
    const auto equals = word.find('=');
    const auto name = std::string_view(word).substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto* option = find_option(command, name);
    if (option == nullptr) return fail(unknown_option(command, cat("--", name), name));
    return option->takes == Takes::value && equals == std::string::npos ? option : nullptr;
  }
  // "-memory" would be -m with the value "emory".
  const auto whole = std::string_view(word).substr(1);
  if (whole.size() > 1 && find_option(command, whole) != nullptr)
    return fail(usage_error(cat("unknown option ", word), cat("did you mean -", word, "?")));
  for (std::size_t i = 1; i < word.size(); ++i) {
    const auto* option = find_option(command, word[i]);
    if (option == nullptr) return fail(unknown_option(command, cat("-", word[i]), whole.substr(i - 1, 1)));
    if (option->takes == Takes::value) return i + 1 == word.size() ? option : nullptr;
  }
  return nullptr;
}

// Parts the option words from the rest. Boost can't end the options at the first word that is none: its hook for it
// is also asked about each option's value, and takes one that is spelled like an option's name for that option.
Result<std::vector<std::string>> take_option_words(const Command& command, std::span<const std::string> words,
                                                   std::vector<std::string>& rest) {
  const bool stop_at_word = command.completes == Completes::command;
  std::vector<std::string> taken;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    const bool terminator = word == "--";
    const bool is_option = !terminator && word.size() > 1 && word[0] == '-';
    if (terminator || (!is_option && stop_at_word)) {
      rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(i + (terminator ? 1 : 0)), words.end());
      break;
    }
    if (!is_option) {
      rest.push_back(word);
      continue;
    }
    taken.push_back(word);
    SBX_ASSIGN(const auto* awaiting, option_awaiting_value(command, word));
    if (awaiting == nullptr) continue;
    if (i + 1 == words.size()) return fail(missing_value(*awaiting, word));
    taken.push_back(words[++i]);
  }
  return taken;
}

// Boost is told of the options that occur alone: a description of all takes longer to make than a profile to read.
po::options_description describe(const Command& command, const std::vector<std::string>& taken) {
  po::options_description description;
  const auto occurs = [&](const OptionInfo& option) {
    return std::ranges::any_of(taken, [&](std::string_view word) {
      if (!word.starts_with("--")) return option.letter != 0 && word.find(option.letter) != word.npos;
      const auto name = word.substr(2, word.find('=') == word.npos ? word.npos : word.find('=') - 2);
      return name == option.name || (!option.alias.empty() && name == option.alias);
    });
  };
  const auto add = [&](const std::string& name, Takes takes) {
    if (takes == Takes::nothing) return void(description.add_options()(name.c_str(), ""));
    auto* value = po::value<std::string>();
    if (takes == Takes::optional_value) value->implicit_value("");
    description.add_options()(name.c_str(), value, "");
  };
  for (const auto& option : command.options) {
    if (!occurs(option)) continue;
    add(option.letter == 0 ? std::string(option.name) : cat(option.name, ",", option.letter), option.takes);
    if (!option.alias.empty()) add(std::string(option.alias), option.takes);
  }
  return description;
}

ParsedOption parsed_option(const Command& command, const po::option& found) {
  ParsedOption parsed{find_option(command, std::string_view(found.string_key)), "", ""};
  const auto& token = found.original_tokens.empty() ? found.string_key : found.original_tokens[0];
  const bool is_long = token.starts_with("--");
  parsed.spelled = is_long ? token.substr(0, token.find('=')) : cat("-", parsed.option->letter);
  if (!found.value.empty()) parsed.value = found.value[0];
  // -m=512m: pflag, which podman uses, takes the = away.
  if (!is_long && token.size() > 2 && parsed.value.starts_with('=')) parsed.value.erase(0, 1);
  return parsed;
}

}  // namespace

Error usage_error(std::string what, std::string hint) {
  return Error{Step::parse_options, ErrorKind::usage, 0, std::move(what), std::move(hint)};
}

bool ParsedLine::has(std::string_view name) const {
  return std::ranges::any_of(options, [&](const auto& parsed) { return parsed.option->name == name; });
}

Result<ParsedLine> parse_line(const Command& command, std::span<const std::string> words) {
  ParsedLine line;
  SBX_ASSIGN(auto taken, take_option_words(command, words, line.words));
  const auto description = describe(command, taken);
  using style = po::command_line_style::style_t;
  constexpr int styles = style::allow_long | style::long_allow_adjacent | style::long_allow_next | style::allow_short |
                         style::short_allow_adjacent | style::short_allow_next | style::allow_dash_for_short |
                         style::allow_sticky;
  try {
    const auto found = po::command_line_parser(taken).options(description).style(styles).run();
    for (const auto& option : found.options) {
      if (option.position_key >= 0) return fail(usage_error(cat("unexpected word ", option.value[0])));
      line.options.push_back(parsed_option(command, option));
    }
  } catch (const po::invalid_command_line_syntax& error) {
    const auto* option = find_option(command, std::string_view(error.get_option_name()).substr(2));
    if (error.kind() == po::invalid_syntax::extra_parameter)
      return fail(usage_error(cat("option ", error.get_option_name(), " takes no value")));
    if (option != nullptr) return fail(missing_value(*option, cat("--", option->name)));
    return fail(usage_error(error.what()));
  } catch (const po::error& error) {
    return fail(usage_error(error.what()));
  }
  return line;
}

}  // namespace sbx
