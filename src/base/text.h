// Text helpers that the whole program shares.
#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sbx {

inline void append_piece(std::string& out, std::string_view piece) { out += piece; }
inline void append_piece(std::string& out, char piece) { out += piece; }
template <std::integral T>
  requires(!std::same_as<T, bool>)
void append_piece(std::string& out, T number) {
  out += std::to_string(number);
}

// cat("a", 1, b): the pieces one after another; numbers in decimal.
template <typename... Pieces>
std::string cat(const Pieces&... pieces) {
  std::string out;
  (append_piece(out, pieces), ...);
  return out;
}

// Control characters and bytes that are no UTF-8 become \n, \t or \xNN, so that a message stays one line and
// can't steer a terminal.
std::string escape_control(std::string_view text);
// Unsigned decimal, the whole of the text; nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text);
// Bytes: a number with an optional K, M, G, T, P or E (powers of 1024, any case, optional "iB"/"B").
std::optional<std::uint64_t> parse_bytes(std::string_view text);
// systemd.time(7) spans in microseconds: "10min", "1h 30s", "500ms", "5" (seconds); "infinity" is UINT64_MAX.
std::optional<std::uint64_t> parse_time_span(std::string_view text);
// "1.5 GiB": binary units, one decimal where it is not whole.
std::string format_bytes(std::uint64_t bytes);
// The candidate with the smallest edit distance to `word`, where it is near enough to be meant.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);
// strerror without a locale or a shared buffer: "No such file or directory".
std::string errno_text(int errno_value);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& pieces, std::string_view separator);
// Lexical: absolute stays absolute, "." and "//" go, ".." eats a component (never above "/"), no trailing slash.
std::string normalize_path(std::string_view path);
// True where `path` is `ancestor` or lies below it; both normalized.
bool is_at_or_below(std::string_view path, std::string_view ancestor);
// The part before the last slash ("/" for a top-level name).
std::string_view parent_path(std::string_view path);

}  // namespace sbx
