#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sbx {
std::string sha256_hex(std::string_view text);
inline std::string sha256_hex(std::span<const std::uint8_t> bytes) {
  return sha256_hex(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}
}  // namespace sbx
