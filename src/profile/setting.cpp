// `--set KEY=VALUE`: one key from the command line.
#include <algorithm>

#include "base/text.h"
#include "profile/parse_internal.h"

namespace sbx {
namespace {

// A value of TOML has one line, and no word of its own but these. Finding that out by toml++ costs an exception.
bool may_be_toml(std::string_view value) {
  const bool letter = !value.empty() && ((value[0] >= 'a' && value[0] <= 'z') || (value[0] >= 'A' && value[0] <= 'Z'));
  const auto begins = [&](std::string_view word) { return value.starts_with(word); };
  if (letter && !begins("true") && !begins("false") && !begins("inf") && !begins("nan")) return false;
  return value.find_first_of("\r\n") == value.npos;
}

}  // namespace

Result<Profile> parse_setting(std::string_view assignment) {
  static constexpr auto hint = "write --set KEY=VALUE, such as --set cgroup.memory.max=100M";
  const auto equals = assignment.find('=');
  const auto key = assignment.substr(0, equals);
  const bool plain = std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
  if (equals == assignment.npos || key.empty() || !plain)
    return fail(Step::parse_options, ErrorKind::usage, cat("--set ", assignment, " names no key and value"), hint);
  if (key == "extends")
    return fail(Step::parse_options, ErrorKind::usage, "--set can't extend a profile", "use --profile");
  const auto value = assignment.substr(equals + 1);
  const std::string place = cat("command line --set ", key);

  // TOML first: 5, true, ["a"]. Then a bare string: 100M. Then a list of it, for keys that take one.
  std::expected<Profile, ParseFault> as_toml =
      std::unexpected(ParseFault{true, {Error{Step::parse_options, ErrorKind::usage, 0, {}, {}}}});
  if (may_be_toml(value)) as_toml = parse_toml(cat(key, " = ", value, "\n"), place, false);
  if (as_toml) return *std::move(as_toml);
  auto as_string = parse_toml(cat(key, " = ", quoted_toml(value), "\n"), place, false);
  if (as_string) return *std::move(as_string);
  if (as_toml.error().syntax) {
    if (auto as_list = parse_toml(cat(key, " = [", quoted_toml(value), "]\n"), place, false)) return *std::move(as_list);
  } else if (value.starts_with('"') || value.starts_with('\'')) {
    if (auto as_list = parse_toml(cat(key, " = [", value, "]\n"), place, false)) return *std::move(as_list);
  }
  Error error = as_toml.error().syntax ? as_string.error().errors.front() : as_toml.error().errors.front();
  error.step = Step::parse_options;
  error.kind = ErrorKind::usage;
  return fail(std::move(error));
}

}  // namespace sbx
