// The wrapper that `sbx shim install` puts in a program's place: a script of a few lines, known again by its marker. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sbx {

struct Shim {
  std::string profile;  // a name, or the absolute path of a file
  std::string program;  // absolute
  bool operator==(const Shim&) const = default;
};
// `sbx`: the absolute path of this program, or a name to be found in PATH.
std::string shim_script(const Shim& shim, std::string_view sbx);
// What a file that begins with `text` is a shim of; nothing for any other file.
std::optional<Shim> parse_shim(std::string_view text);
// A plain file name that is no option: what can be installed in a directory of PATH.
bool is_shim_name(std::string_view name);

}  // namespace sbx
