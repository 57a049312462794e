// What the targets share.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sbx_fuzz {

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A property that must hold for every input.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", property);
  std::abort();
}

// The next part of the input, up to a line "===".
inline std::string_view take_part(std::string_view& input) {
  constexpr std::string_view line = "\n===\n";
  const auto at = input.find(line);
  const auto part = input.substr(0, at);
  input.remove_prefix(at == input.npos ? input.size() : at + line.size());
  return part;
}

}  // namespace sbx_fuzz
