// parse_profile and parse_setting share the reading of TOML; where a value was said differs.
#pragma once
#include "profile/profile.h"

namespace sbx {
struct ParseFault {
  bool syntax = false;  // no TOML, rather than a wrong key or value
  std::vector<Error> errors;  // from the top of the text; at least one
  Profile rest = {};          // what was read all the same
};
// `place` heads origins and errors; with `positions`, line and column follow it.
std::expected<Profile, ParseFault> parse_toml(std::string_view text, const std::string& place, bool positions);
// A basic string of TOML that reads as `text`.
std::string quoted_toml(std::string_view text);
}  // namespace sbx
