#include "cli/help.h"

#include "base/text.h"

namespace sbx {
namespace {

constexpr std::size_t line_width = 100;
constexpr std::size_t meaning_column = 34;

// Words of `text` in lines up to line_width, each after `indent` spaces; the first line goes on at `column`.
std::string wrap(std::string_view text, std::size_t indent, std::size_t column) {
  std::string out;
  for (const auto word : split(text, ' ')) {
    if (column > indent && column + 1 + word.size() > line_width) {
      out += cat("\n", std::string(indent, ' '));
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string two_columns(std::string_view left, std::string_view right) {
  std::string out = cat("  ", left);
  if (out.size() + 2 > meaning_column) out += cat("\n", std::string(meaning_column, ' '));
  else out.resize(meaning_column, ' ');
  return cat(out, wrap(right, meaning_column, meaning_column), "\n");
}

std::string paragraphs(std::string_view text) {
  std::string out;
  for (const auto paragraph : split(text, '\n'))
    if (!paragraph.empty()) out += cat("\n", wrap(paragraph, 0, 0), "\n");
  return out;
}

std::string examples_text(std::span<const Example> examples) {
  std::string out = "\nExamples:\n";
  for (const auto& example : examples) out += cat("  ", example.command, "\n      ", example.meaning, "\n");
  return out;
}

// "profile show" of "profile".
bool is_part_of(const Command& part, const Command& whole) { return part.name.starts_with(cat(whole.name, " ")); }

std::string parts_text(const Command& command) {
  std::string out;
  for (const auto& part : commands())
    if (is_part_of(part, command))
      out +=
          two_columns(cat(part.name.substr(command.name.size() + 1), part.arguments.empty() ? "" : " ", part.arguments),
                      part.summary);
  return out.empty() ? out : cat("\nCommands:\n", out);
}

}  // namespace

std::string option_heading(const OptionInfo& option) {
  std::string out = option.letter == 0 ? "    " : cat("-", option.letter, ", ");
  out += cat("--", option.name);
  if (option.takes == Takes::value) out += cat(" ", option.placeholder);
  if (option.takes == Takes::optional_value) out += cat("[=", option.placeholder, "]");
  return out;
}

std::string usage_line(const Command& command) {
  const bool has_options = command.options.size() > 1;
  return cat(command.name, has_options ? " [OPTION...]" : "", command.arguments.empty() ? "" : " ", command.arguments);
}

std::string help_text(const Command& command) {
  auto out = cat("Usage: sbx ", usage_line(command), "\n\n", command.summary, ".\n", paragraphs(command.details),
                 parts_text(command));
  if (command.options.empty() || command.options[0].heading.empty()) out += "\nOptions:\n";
  for (const auto& option : command.options) {
    if (!option.heading.empty()) out += cat("\n", option.heading, ":\n");
    std::string meaning(option.meaning);
    if (!option.alias.empty()) meaning += cat(" Also --", option.alias, ".");
    if (!option.key.empty()) meaning += cat(" [", option.key, "]");
    out += two_columns(option_heading(option), meaning);
  }
  return out + examples_text(command.examples);
}

std::string overview() {
  std::string out =
      "Usage: sbx COMMAND [OPTION...]\n\nRuns commands that you don't trust, confined: no setuid, no daemon, no "
      "root.\n\nCommands:\n";
  for (const auto& command : commands())
    if (command.name.find(' ') == std::string_view::npos) out += two_columns(command.name, command.summary);
  static constexpr Example examples[] = {
      {"sbx run -- ls -l /", "an untrusted command: read-only system, empty home, no network"},
      {"sbx run -p build -- make", "may write the current directory alone"},
      {"sbx doctor", "does it work on this host"},
      {"sbx help run", "the options of sbx run; sbx run --help is the same"}};
  return out + examples_text(examples);
}

}  // namespace sbx
