#include <unistd.h>

#include "base/text.h"
#include "cli/docs/docs.h"

namespace sbx::docs {

bool is_part_of(const Command& part, const Command& whole) { return part.name.starts_with(cat(whole.name, " ")); }

bool has_parts(const Command& command) {
  for (const auto& other : commands())
    if (is_part_of(other, command)) return true;
  return false;
}

std::string_view last_word(std::string_view name) { return name.substr(name.rfind(' ') + 1); }

std::string identifier(std::string_view name) { return cat("_", replace_all(name, " ", "_")); }

std::string replace_all(std::string_view text, std::string_view what, std::string_view with) {
  std::string out;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
    out += cat(text.substr(0, at), with);
    text.remove_prefix(at + what.size());
  }
  return out += text;
}

std::string first_sentence(std::string_view text) {
  const auto end = text.find(". ");
  auto sentence = text.substr(0, end);
  // "e.g. 0.5" is no end of a sentence.
  if (sentence.ends_with("e.g")) sentence = sentence.substr(0, sentence.rfind(','));
  if (sentence.ends_with('.')) sentence.remove_suffix(1);
  return std::string(sentence);
}

}  // namespace sbx::docs

int main(int argc, char** argv) {
  using namespace sbx::docs;
  const std::string_view what = argc == 3 ? argv[1] : "";
  std::string text;
  if (what == "sbx.1") text = man_sbx(argv[2]);
  if (what == "sbx-profile.5") text = man_sbx_profile(argv[2]);
  if (what == "bash") text = bash_completion();
  if (what == "zsh") text = zsh_completion();
  if (what == "fish") text = fish_completion();
  const bool written = !text.empty() && ::write(1, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return written ? 0 : 1;
}
