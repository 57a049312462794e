#include "profile/scan.h"

#include <cstdint>
#include <utility>

#include "base/text.h"

namespace sbx {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// The length of the well-formed sequence at `at` (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF),
// or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first < 0xf0) {
    const bool second = follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
    return second && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  const bool second = follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
  return second && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf) ? 4 : 0;
}

ScanFault fault_at(std::string_view text, std::size_t at, std::string what) {
  ScanFault out;
  for (const char c : text.substr(0, at)) c == '\n' ? (++out.line, out.column = 1) : ++out.column;
  out.what = std::move(what);
  return out;
}

// The character at the start of well-formed `text`, as TOML's escape of it.
std::string escape_of(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  std::uint32_t code = text.size() == 2 ? first & 0x1fU : text.size() == 3 ? first & 0x0fU : first & 0x07U;
  for (const char c : text.substr(1)) code = code << 6U | (static_cast<unsigned char>(c) & 0x3fU);
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = code > 0xffff ? "\\U" : "\\u";
  for (int shift = code > 0xffff ? 28 : 12; shift >= 0; shift -= 4) out += hex[code >> static_cast<unsigned>(shift) & 15U];
  return out;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text)
      : text_(text), at_(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0), copied_(at_) {}

  std::string take_ascii() {
    ascii_ += text_.substr(copied_);
    return std::move(ascii_);
  }

  ScanFault run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        if (auto wrong = skip_string(c); !wrong.what.empty()) return wrong;
        continue;
      }
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') beyond_ascii() ? replace("?") : static_cast<void>(++at_);
        continue;
      }
      // Keys and values outside of strings are ASCII.
      if (static_cast<unsigned char>(c) >= 0x80) return fault("a character that may stand in a string or a comment alone");
      // toml++ 3.3 asserts on such a header; newer ones say the same.
      if (c == '[' && depth_ == 0 && at_line_start() && !starts_key(header_name())) return fault("a table's name is missing");
      // A dotted key ends with the line, the "=" or the bracket.
      if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') dots_ = 0;
      if (c == '[' || c == '{') ++depth_;
      if ((c == ']' || c == '}') && depth_ > 0) --depth_;
      if (c == '.') ++dots_;
      if (depth_ > profile_nesting_limit || dots_ > profile_nesting_limit)
        return fault(cat("nested more than ", profile_nesting_limit, " levels deep"));
      ++at_;
    }
    return {};
  }

 private:
  bool beyond_ascii() const { return static_cast<unsigned char>(text_[at_]) >= 0x80; }
  // toml++ has undefined behaviour on some characters where it looks for the end of a bare value (`8"\u0461"`), so that it is
  // given none. The columns of what follows on the line move.
  void replace(std::string_view by) {
    ascii_ += text_.substr(copied_, at_ - copied_);
    ascii_ += by;
    at_ += utf8_length(text_, at_);
    copied_ = at_;
  }

  // Past a string of any of the four kinds. An unclosed one reaches to the end of its line or of the text: toml++
  // reports it, and what would have nested behind it is never parsed.
  ScanFault skip_string(char quote) {
    const bool many = text_.substr(at_).starts_with(quote == '"' ? "\"\"\"" : "'''");
    at_ += many ? 3 : 1;
    while (at_ < text_.size()) {
      if (beyond_ascii()) {
        if (quote == '\'') return fault("a character beyond ASCII in single quotes; use double quotes");
        replace(escape_of(text_.substr(at_, utf8_length(text_, at_))));
      } else if (text_[at_] == '\\' && quote == '"') {
        ++at_;
        if (at_ < text_.size() && beyond_ascii()) return fault("no such escape");
        if (at_ < text_.size()) ++at_;
      } else if (many && text_.substr(at_).starts_with(quote == '"' ? "\"\"\"" : "'''")) {
        at_ += 3;
        // Up to two quotes may stand right before the closing three.
        while (at_ < text_.size() && text_[at_] == quote) ++at_;
        return {};
      } else if (!many && (text_[at_] == quote || text_[at_] == '\n')) {
        if (text_[at_] == quote) ++at_;
        return {};
      } else {
        ++at_;
      }
    }
    return {};
  }
  bool at_line_start() const {
    for (std::size_t i = at_; i > 0; --i) {
      if (text_[i - 1] == '\n') return true;
      if (text_[i - 1] != ' ' && text_[i - 1] != '\t') return i == byte_order_mark.size() && text_.starts_with(byte_order_mark);
    }
    return true;
  }
  // The first character of the name of the header at `at_`, past "[" or "[["; 0 at the end.
  char header_name() const {
    std::size_t i = at_ + 1;
    if (i < text_.size() && text_[i] == '[') ++i;
    while (i < text_.size() && (text_[i] == ' ' || text_[i] == '\t')) ++i;
    return i < text_.size() ? text_[i] : '\0';
  }
  static bool starts_key(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '"' || c == '\'';
  }
  ScanFault fault(std::string what) const { return fault_at(text_, at_, std::move(what)); }

  std::string_view text_;
  std::size_t at_, copied_, depth_ = 0, dots_ = 0;
  std::string ascii_;
};

}  // namespace

ScanFault scan_toml(std::string_view text, std::string& ascii) {
  if (text.size() > profile_size_limit) return {1, 1, cat("larger than ", format_bytes(profile_size_limit))};
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return {1, 1, "UTF-16; a profile is UTF-8 text"};
  if (const auto nul = text.find('\0'); nul != text.npos)
    return fault_at(text, nul, "a NUL byte; a profile is UTF-8 text, and this looks like a binary file");
  // toml++ 3.3 runs into undefined behaviour on bytes that are no UTF-8.
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) return fault_at(text, at, "bytes that are no UTF-8; a profile is UTF-8 text");
    at += length;
  }
  Scanner scanner(text);
  auto wrong = scanner.run();
  if (wrong.what.empty()) ascii = scanner.take_ascii();
  return wrong;
}

}  // namespace sbx
