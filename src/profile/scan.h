// What is looked at before toml++ sees a text: it recurses per level of nesting, and its tables do when they go.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace sbx {
inline constexpr std::size_t profile_size_limit = 1U << 20U;
inline constexpr std::size_t profile_nesting_limit = 32;
struct ScanFault {
  std::size_t line = 1, column = 1;
  std::string what;  // empty: none
};
// Size, NUL bytes, UTF-8, headers without a name, and the depth of brackets and of dotted keys. Everything else is left to toml++.
// `ascii` becomes the same TOML in ASCII: characters of strings as escapes, those of comments as "?".
ScanFault scan_toml(std::string_view text, std::string& ascii);
}  // namespace sbx
