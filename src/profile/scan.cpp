#include "profile/scan.h"

#include "base/text.h"

namespace sbx {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  ScanFault run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        continue;
      }
      // A dotted key ends with the line, the "=" or the bracket.
      if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') dots_ = 0;
      if (c == '[' || c == '{') ++depth_;
      if ((c == ']' || c == '}') && depth_ > 0) --depth_;
      if (c == '.') ++dots_;
      if (depth_ > profile_nesting_limit || dots_ > profile_nesting_limit) return fault();
      ++at_;
    }
    return {};
  }

 private:
  // Past a string of any of the four kinds. An unclosed one reaches to the end of its line or of the text: toml++
  // reports it, and what would have nested behind it is never parsed.
  void skip_string(char quote) {
    const bool many = text_.substr(at_).starts_with(quote == '"' ? "\"\"\"" : "'''");
    at_ += many ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && quote == '"') {
        at_ += 2;
      } else if (many && text_.substr(at_).starts_with(quote == '"' ? "\"\"\"" : "'''")) {
        at_ += 3;
        // Up to two quotes may stand right before the closing three.
        while (at_ < text_.size() && text_[at_] == quote) ++at_;
        return;
      } else if (!many && (text_[at_] == quote || text_[at_] == '\n')) {
        if (text_[at_] == quote) ++at_;
        return;
      } else {
        ++at_;
      }
    }
  }
  ScanFault fault() const {
    ScanFault out;
    for (const char c : text_.substr(0, at_)) c == '\n' ? (++out.line, out.column = 1) : ++out.column;
    out.what = cat("nested more than ", profile_nesting_limit, " levels deep");
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0, depth_ = 0, dots_ = 0;
};

}  // namespace

ScanFault scan_toml(std::string_view text) {
  if (text.size() > profile_size_limit) return {1, 1, cat("larger than ", format_bytes(profile_size_limit))};
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return {1, 1, "UTF-16; a profile is UTF-8 text"};
  if (const auto nul = text.find('\0'); nul != text.npos) {
    ScanFault out{1, 1, "a NUL byte; a profile is UTF-8 text, and this looks like a binary file"};
    for (const char c : text.substr(0, nul)) c == '\n' ? (++out.line, out.column = 1) : ++out.column;
    return out;
  }
  return Scanner(text).run();
}

}  // namespace sbx
