#include "cli/docs/mdoc.h"

#include "base/text.h"
#include "cli/docs/docs.h"

namespace sbx::docs {
namespace {

std::string escape(std::string_view text) {
  auto out = replace_all(text, "\\", "\\e");
  // What is to be typed must come out as ASCII: groff(7) makes typographic signs of these. ~ and ^ likewise.
  out = replace_all(out, "-", "\\-");
  out = replace_all(out, "'", "\\(aq");
  out = replace_all(out, "`", "\\(ga");
  out = replace_all(out, "^", "\\(ha");
  return replace_all(out, "~", "\\(ti");
}

// Lines of at most 78 bytes, none of which is taken for a macro.
std::string wrapped(std::string_view sentence) {
  std::string out;
  std::string line;
  const auto end_line = [&] {
    const bool macro = line.starts_with('.') || line.starts_with("\\(aq");
    out += cat(macro ? "\\&" : "", line, "\n");
    line.clear();
  };
  for (const auto word : split(sentence, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > 78) end_line();
    line += cat(line.empty() ? "" : " ", word);
  }
  end_line();
  return out;
}

}  // namespace

std::string prose(std::string_view text) {
  std::string out;
  for (auto paragraph : split(text, '\n')) {
    if (paragraph.empty()) continue;
    if (!out.empty()) out += ".Pp\n";
    while (!paragraph.empty()) {
      auto end = paragraph.find(". ");
      while (end != std::string_view::npos && end >= 3 && paragraph.substr(end - 3, 3) == "e.g")
        end = paragraph.find(". ", end + 1);
      const auto sentence = paragraph.substr(0, end == std::string_view::npos ? end : end + 1);
      out += wrapped(replace_all(escape(sentence), "e.g. ", "e.g.\\& "));
      paragraph = end == std::string_view::npos ? std::string_view{} : paragraph.substr(end + 2);
    }
  }
  return out;
}

std::string argument(std::string_view text) { return cat("\"", replace_all(escape(text), "\"", "\\(dq"), "\""); }

std::string heading(std::string_view name, int section, std::string_view date, std::string_view version) {
  std::string upper;
  for (const char c : name) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return cat(".Dd ", date, "\n.Dt ", upper, " ", section, "\n.Os sbx ", version, "\n");
}

std::string literal(std::string_view text) {
  std::string out = ".Bd -literal -offset indent\n";
  for (auto line : split(text, '\n')) {
    const bool starts_macro = line.starts_with('.') || line.starts_with('\'');
    out += cat(starts_macro ? "\\&" : "", escape(line), "\n");
  }
  out.pop_back();
  return cat(out, ".Ed\n");
}

std::string example_list(std::span<const Example> examples) {
  std::string out;
  for (const auto& example : examples) {
    std::string meaning(example.meaning);
    if (meaning[0] >= 'a' && meaning[0] <= 'z') meaning[0] = static_cast<char>(meaning[0] - 'a' + 'A');
    out += cat(out.empty() ? "" : ".Pp\n", prose(cat(meaning, ":")), literal(cat("$ ", example.command, "\n")));
  }
  return out;
}

}  // namespace sbx::docs
