#include "cli/shim_script.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sbx {
namespace {

constexpr std::string_view head = "#!/bin/sh\n";
constexpr std::string_view marker = "# sbx-shim: ";

// One word for sh(1), whatever it holds.
std::string shell_word(std::string_view word) {
  std::string out = "'";
  for (const char c : word) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

}  // namespace

std::string shim_script(const Shim& shim, std::string_view sbx) {
  const nlohmann::ordered_json facts = {{"profile", shim.profile}, {"program", shim.program}};
  return cat(head, marker, facts.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace), "\n",
             "# Made by \"sbx shim install\"; \"sbx shim remove\" takes it away.\n", "exec ", shell_word(sbx), " run --profile ",
             shell_word(shim.profile), " -- ", shell_word(shim.program), " \"$@\"\n");
}

std::optional<Shim> parse_shim(std::string_view text) {
  if (!text.starts_with(head) || !text.substr(head.size()).starts_with(marker)) return std::nullopt;
  text.remove_prefix(head.size() + marker.size());
  const auto facts = nlohmann::json::parse(text.substr(0, text.find('\n')), nullptr, false);
  const auto word = [&](const char* key) {
    const auto found = facts.is_object() ? facts.find(key) : facts.end();
    return found != facts.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Shim shim{word("profile"), word("program")};
  if (shim.profile.empty() || !shim.program.starts_with('/')) return std::nullopt;
  return shim;
}

bool is_shim_name(std::string_view name) {
  const auto usable = [](char c) { return c > ' ' && c != '/' && c != 0x7f; };
  return !name.empty() && name.size() < 200 && std::ranges::all_of(name, usable) && name[0] != '-' && name[0] != '.';
}

}  // namespace sbx
