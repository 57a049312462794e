#include "launch/receipt_text.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace sbx {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Blank, tab, newline and backslash are written as \040 and the like.
std::string unescape_octal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) && is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(" \t"); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(" \t", end);
  }
  return words;
}

struct Expect {
  std::optional<MountExpectation> operator()(const MakeDirectory&) const { return std::nullopt; }
  std::optional<MountExpectation> operator()(const MakeSymlink&) const { return std::nullopt; }
  std::optional<MountExpectation> operator()(const MakeFile& file) const {
    if (!file.cover) return std::nullopt;
    return MountExpectation{file.target, {}, {"nosuid", "nodev"}};
  }
  std::optional<MountExpectation> operator()(const BindTree& bind) const {
    MountExpectation expected{bind.target, {}, {"nosuid"}};
    if (bind.read_only) expected.flags.emplace_back("ro");
    if (bind.no_exec) expected.flags.emplace_back("noexec");
    if (!bind.allow_devices) expected.flags.emplace_back("nodev");
    return expected;
  }
  std::optional<MountExpectation> operator()(const MountTmpfs& tmpfs) const {
    MountExpectation expected{tmpfs.target, "tmpfs", {"nosuid", "nodev"}};
    if (tmpfs.no_exec) expected.flags.emplace_back("noexec");
    return expected;
  }
  std::optional<MountExpectation> operator()(const MountProc& proc) const {
    return MountExpectation{proc.target, "proc", {"nosuid", "nodev", "noexec"}};
  }
  std::optional<MountExpectation> operator()(const MountDevpts& devpts) const {
    return MountExpectation{devpts.target, "devpts", {"nosuid", "noexec"}};
  }
  std::optional<MountExpectation> operator()(const LayerDirectory& layer) const {
    // An overlay, or (where overlayfs can't take the directory) a directory put together anew.
    return MountExpectation{layer.target, {}, {"ro", "nosuid", "nodev"}};
  }
  std::optional<MountExpectation> operator()(const HidePath&) const { return std::nullopt; }
  std::optional<MountExpectation> operator()(const MakeSocket&) const { return std::nullopt; }
  std::optional<MountExpectation> operator()(const SealReadOnly& seal) const {
    return MountExpectation{seal.target, {}, {"ro"}};
  }
};

bool has_option(std::string_view options, std::string_view option) {
  const auto list = split(options, ',');
  return std::find(list.begin(), list.end(), option) != list.end();
}

}  // namespace

std::optional<std::string_view> status_field(std::string_view status, std::string_view name) {
  for (const std::string_view line : split(status, '\n'))
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':')
      return trim(line.substr(name.size() + 1));
  return std::nullopt;
}

std::string map_line(std::string_view proc_map) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(proc_map, '\n')) {
    const auto words = words_of(line);
    if (words.size() == 3) lines.push_back(cat(words[0], ' ', words[1], ' ', words[2]));
  }
  std::sort(lines.begin(), lines.end());  // the kernel keeps a longer map sorted by its own rule
  return join(lines, ", ");
}

std::string map_line(const std::vector<IdMap>& map) {
  std::vector<std::string> lines;
  for (const IdMap& entry : map) lines.push_back(cat(entry.inside, ' ', entry.outside, ' ', entry.count));
  std::sort(lines.begin(), lines.end());
  return join(lines, ", ");
}

std::string capability_set(std::uint64_t set) {
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[15 - i] = "0123456789abcdef"[(set >> (4 * i)) & 0xfU];
  return text;
}

std::vector<MountLine> parse_mountinfo(std::string_view text) {
  std::vector<MountLine> mounts;
  for (const std::string_view line : split(text, '\n')) {
    // 36 35 98:0 /root /point options [optional fields ...] - type source super-options
    const auto words = words_of(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 3) continue;
    mounts.push_back({unescape_octal(words[4]), std::string(words[5]), std::string(dash[1]),
                      words.end() - dash > 3 ? std::string(dash[3]) : std::string()});
  }
  return mounts;
}

MountTable mount_table(std::string_view mountinfo) {
  MountTable table;
  for (MountLine& line : parse_mountinfo(mountinfo)) {
    std::string point = line.point;
    table.insert_or_assign(std::move(point), std::move(line));
  }
  return table;
}

std::optional<MountExpectation> expected_mount(const MountOperation& operation) { return std::visit(Expect{}, operation); }

std::string mount_shortfall(const MountTable& table, const MountExpectation& expected) {
  const auto found = table.find(expected.point);
  if (found == table.end()) return "not mounted";
  const MountLine& line = found->second;
  if (!expected.type.empty() && line.type != expected.type) return cat("a ", line.type, " is mounted there");
  for (const std::string_view flag : expected.flags)
    if (!has_option(line.options, flag)) return cat(flag, " is missing");
  return {};
}

}  // namespace sbx
