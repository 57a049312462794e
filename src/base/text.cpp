#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace sbx {
namespace {

// The length of the well-formed UTF-8 sequence at the start of `text`, or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 0;
  std::uint32_t code = 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) length = 2, code = first & 0x1fU;
  else if (first >= 0xe0 && first <= 0xef) length = 3, code = first & 0x0fU;
  else if (first >= 0xf0 && first <= 0xf4) length = 4, code = first & 0x07U;
  else return 0;
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
    code = code << 6U | (byte(i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> smallest = {0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0;
  // C1 controls and the bidirectional overrides can steer a terminal as well.
  if (code < 0xa0 || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) return 0;
  return length;
}

constexpr std::uint64_t overflow = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> scaled(std::uint64_t whole, std::uint64_t thousandths, std::uint64_t unit) {
  if (unit != 0 && whole > overflow / unit) return std::nullopt;
  return whole * unit + thousandths * unit / 1000;
}

// "12" or "1.5" at the start of `text`; moves past it. At most three decimals.
bool take_decimal(std::string_view& text, std::uint64_t& whole, std::uint64_t& thousandths) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc{} || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  thousandths = 0;
  if (text.empty() || text[0] != '.') return true;
  text.remove_prefix(1);
  std::uint64_t weight = 100;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, weight /= 10)
    thousandths += static_cast<std::uint64_t>(text[digits] - '0') * weight;
  text.remove_prefix(digits);
  return digits > 0;
}

}  // namespace

std::string escape_control(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') out += "\\n", ++i;
    else if (byte == '\t') out += "\\t", ++i;
    else if (byte == '\r') out += "\\r", ++i;
    else if (const auto length = byte < 0x20 || byte == 0x7f ? 0 : utf8_length(text.substr(i)); length > 0)
      out.append(text.substr(i, length)), i += length;
    else out += {'\\', 'x', hex[byte >> 4U], hex[byte & 15U]}, ++i;
  }
  return out;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || text.empty() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t whole = 0;
  std::uint64_t thousandths = 0;
  if (!take_decimal(text, whole, thousandths)) return std::nullopt;
  std::uint64_t unit = 1;
  static constexpr std::string_view letters = "KMGTPE";
  if (!text.empty()) {
    const char letter = text[0] >= 'a' && text[0] <= 'z' ? static_cast<char>(text[0] - 'a' + 'A') : text[0];
    if (const auto at = letters.find(letter); at != std::string_view::npos) {
      unit <<= 10U * (at + 1);
      text.remove_prefix(1);
      if (text.starts_with("i") || text.starts_with("I")) text.remove_prefix(1);
    }
    if (text.starts_with("B") || text.starts_with("b")) text.remove_prefix(1);
  }
  if (!text.empty() || (unit == 1 && thousandths != 0)) return std::nullopt;
  return scaled(whole, thousandths, unit);
}

std::optional<std::uint64_t> parse_time_span(std::string_view text) {
  if (text == "infinity") return overflow;
  struct Unit {
    std::string_view name;
    std::uint64_t microseconds;
  };
  static constexpr std::uint64_t second = 1'000'000;
  static constexpr Unit units[] = {
      {"us", 1},           {"usec", 1},         {"ms", 1000},           {"msec", 1000},        {"s", second},
      {"sec", second},     {"second", second},  {"seconds", second},    {"m", 60 * second},    {"min", 60 * second},
      {"minute", 60 * second}, {"minutes", 60 * second}, {"h", 3600 * second}, {"hr", 3600 * second},
      {"hour", 3600 * second}, {"hours", 3600 * second}, {"d", 86400 * second}, {"day", 86400 * second},
      {"days", 86400 * second}, {"w", 604800 * second}, {"week", 604800 * second}, {"weeks", 604800 * second},
      {"", second}};
  std::uint64_t total = 0;
  bool any = false;
  while (true) {
    while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
    if (text.empty()) break;
    std::uint64_t whole = 0;
    std::uint64_t thousandths = 0;
    if (!take_decimal(text, whole, thousandths)) return std::nullopt;
    while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
    std::size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const auto name = text.substr(0, letters);
    text.remove_prefix(letters);
    const auto* unit = std::ranges::find(units, name, &Unit::name);
    if (unit == std::end(units)) return std::nullopt;
    const auto span = scaled(whole, thousandths, unit->microseconds);
    if (!span || *span > overflow - total) return std::nullopt;
    total += *span;
    any = true;
  }
  return any ? std::optional(total) : std::nullopt;
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  std::uint64_t size = 1;
  while (unit + 1 < std::size(units) && bytes / size >= 1024) size <<= 10U, ++unit;
  const auto tenths = static_cast<std::uint64_t>(static_cast<long double>(bytes % size) * 10 / size);
  return tenths == 0 ? cat(bytes / size, " ", units[unit]) : cat(bytes / size, ".", tenths, " ", units[unit]);
}

std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::optional<std::string_view> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  // Insertions, deletions, replacements and swaps of neighbours ("biuld") count one each.
  std::vector<std::size_t> before, row, next;
  for (const auto candidate : candidates) {
    row.resize(candidate.size() + 1);
    next.resize(row.size());
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      next[0] = i;
      for (std::size_t j = 1; j < row.size(); ++j) {
        next[j] = std::min({next[j - 1] + 1, row[j] + 1, row[j - 1] + (word[i - 1] == candidate[j - 1] ? 0 : 1)});
        if (i > 1 && j > 1 && word[i - 1] == candidate[j - 2] && word[i - 2] == candidate[j - 1])
          next[j] = std::min(next[j], before[j - 2] + 1);
      }
      before = std::exchange(row, next);
    }
    if (row.back() < best_distance) best_distance = row.back(), best = candidate;
  }
  return best;
}

std::string errno_text(int errno_value) {
  if (const char* text = ::strerrordesc_np(errno_value)) return text;
  return cat("errno ", errno_value);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const auto at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& pieces, std::string_view separator) {
  std::string out;
  for (const auto& piece : pieces) {
    if (&piece != &pieces.front()) out += separator;
    out += piece;
  }
  return out;
}

std::string normalize_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> kept;
  for (const auto piece : split(path, '/')) {
    if (piece.empty() || piece == ".") continue;
    if (piece != "..") kept.push_back(piece);
    else if (!kept.empty() && kept.back() != "..") kept.pop_back();
    else if (!absolute) kept.push_back(piece);
  }
  std::string out = absolute ? "/" : "";
  for (const auto piece : kept) {
    if (!out.empty() && out.back() != '/') out += '/';
    out += piece;
  }
  return out.empty() ? "." : out;
}

bool is_at_or_below(std::string_view path, std::string_view ancestor) {
  if (ancestor == "/") return path.starts_with('/');
  return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

std::string_view parent_path(std::string_view path) {
  const auto at = path.rfind('/');
  if (at == std::string_view::npos) return ".";
  return at == 0 ? "/" : path.substr(0, at);
}

}  // namespace sbx
