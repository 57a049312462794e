// A Profile as text that parses to the same: for `sbx profile show`.
#include "base/text.h"
#include "profile/fields.h"
#include "profile/parse_internal.h"

namespace sbx {

std::string quoted_toml(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += {'\\', c};
    else if (c == '\n') out += "\\n";
    else if (byte < 0x20 || byte == 0x7f) out += cat("\\u00", hex[byte >> 4U], hex[byte & 15U]);
    else out += c;
  }
  return out + '"';
}

namespace {

std::string value_of(const std::string& text) { return quoted_toml(text); }
std::string value_of(bool flag) { return flag ? "true" : "false"; }
std::string value_of(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const auto& word : words) out += cat(&word == &words.front() ? "" : ", ", quoted_toml(word));
  return out + ']';
}
std::string value_of(const ProfileBind& bind) {
  if (bind.target.starts_with('!')) return quoted_toml(bind.target);
  std::string out = cat("{ source = ", quoted_toml(bind.source), ", target = ", quoted_toml(bind.target));
  if (bind.access == Access::write) out += ", access = \"write\"";
  if (bind.optional) out += ", optional = true";
  if (!bind.exec) out += ", exec = false";
  return out + " }";
}
std::string value_of(const ProfileTmpfs& tmpfs) {
  if (tmpfs.path.starts_with('!')) return quoted_toml(tmpfs.path);
  return cat("{ path = ", quoted_toml(tmpfs.path), tmpfs.size.empty() ? "" : cat(", size = ", quoted_toml(tmpfs.size)), " }");
}
std::string value_of(const ProfileSymlink& link) {
  if (link.target.starts_with('!')) return quoted_toml(link.target);
  return cat("{ target = ", quoted_toml(link.target), ", to = ", quoted_toml(link.to), " }");
}
std::string value_of(const ProfileFile& file) {
  if (file.path.starts_with('!')) return quoted_toml(file.path);
  return cat("{ path = ", quoted_toml(file.path), ", content = ", quoted_toml(file.content), " }");
}

template <typename T>
std::string line(std::string_view key, const Said<T>& said) {
  return cat(key, " = ", value_of(said.value), "  # ", escape_control(said.origin), "\n");
}
template <typename T>
std::string lines(std::string_view key, const Maybe<T>& said) {
  return said ? line(key, *said) : std::string();
}
template <typename T>
std::string lines(std::string_view key, const List<T>& list) {
  if (list.empty()) return {};
  std::string out = cat(key, " = [\n");
  for (const auto& said : list) out += cat("  ", value_of(said.value), ",  # ", escape_control(said.origin), "\n");
  return out + "]\n";
}

}  // namespace

std::string format_profile(const Profile& profile) {
  auto& readable = const_cast<Profile&>(profile);  // the accessors serve writers and readers alike
  std::string out;
  for (const auto& field : profile_fields()) {
    std::visit(
        [&]<typename Kind>(const Kind& kind) {
          auto& value = kind.at(readable);
          if constexpr (std::is_same_v<Kind, OpenTableField>) {
            for (const auto& [name, said] : value) out += line(cat(field.key, ".", name), said);
          } else if constexpr (requires { value.find(field.entry()); }) {
            if (const auto said = value.find(field.entry()); said != value.end()) out += line(field.key, said->second);
          } else {
            out += lines(field.key, value);
          }
        },
        field.kind);
  }
  return out;
}

}  // namespace sbx
