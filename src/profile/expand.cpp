#include "base/text.h"
#include "profile/lower_internal.h"

namespace sbx {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

Result<std::string> expand_path(const std::string& path, std::string_view key, const Origin& origin,
                                const CallerContext& caller) {
  const auto variable = [&](std::string_view name, const std::string& value) -> Result<std::string_view> {
    if (value.empty())
      return lower_error(origin, cat(key, " is \"", path, "\", but ", name, " is not set"), cat("set ", name, ", or write the path out"));
    if (!value.starts_with('/'))
      return lower_error(origin, cat(key, " is \"", path, "\", but ", name, " is no absolute path: \"", value, "\""),
                         cat("set ", name, " to an absolute path"));
    return value;
  };
  std::string out;
  std::string_view rest = path;
  if (rest == "~" || rest.starts_with("~/")) {
    SBX_ASSIGN(const auto home, variable("HOME", caller.home));
    out = home;
    rest.remove_prefix(1);
  }
  while (!rest.empty()) {
    if (rest[0] != '$') {
      const auto next = rest.find('$');
      out += rest.substr(0, next);
      rest.remove_prefix(next == rest.npos ? rest.size() : next);
      continue;
    }
    std::size_t length = 1;
    while (length < rest.size() && is_word(rest[length])) ++length;
    const auto name = rest.substr(0, length);
    if (name == "$HOME") {
      SBX_ASSIGN(const auto home, variable("HOME", caller.home));
      out += home;
    } else if (name == "$XDG_RUNTIME_DIR") {
      SBX_ASSIGN(const auto directory, variable("XDG_RUNTIME_DIR", caller.runtime_dir));
      out += directory;
    } else if (name == "$UID") {
      out += std::to_string(caller.uid);
    } else {
      out += name;  // nothing else expands
    }
    rest.remove_prefix(length);
  }
  if (!out.starts_with('/')) {
    if (caller.cwd.empty())
      return lower_error(origin, cat(key, " is \"", path, "\", relative to a current directory that is gone or unreadable"),
                         "change to another directory, or write an absolute path");
    out.insert(0, cat(caller.cwd, '/'));
  }
  return normalize_path(out);
}

}  // namespace sbx
