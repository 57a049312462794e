#include "cli/text_table.h"

#include <algorithm>

#include "base/text.h"

namespace sbx {
namespace {

// Columns of a terminal, near enough: bytes but for those that continue a UTF-8 sequence.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == 't' || next == 'n') out += next == 't' ? '\t' : '\n', ++i;
    else out += text[i];
  }
  return out;
}

Error bad_template(std::string what, std::string hint = {}) {
  return {Step::parse_options, ErrorKind::usage, 0, std::move(what), std::move(hint)};
}

}  // namespace

std::string format_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> cells{header};
  for (const auto& row : rows) {
    auto& copy = cells.emplace_back();
    for (const auto& cell : row) copy.push_back(escape_control(cell));
  }
  std::vector<std::size_t> widths(header.size(), 0);
  for (const auto& row : cells)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  std::string out;
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

Result<RowTemplate> RowTemplate::parse(std::string_view text, const std::vector<std::string_view>& names) {
  RowTemplate result;
  if (text.starts_with("table ")) {
    result.table_ = true;
    text.remove_prefix(6);
  }
  while (!text.empty()) {
    const auto open = text.find("{{");
    if (open != 0) result.pieces_.push_back({unescape(text.substr(0, open)), false});
    if (open == std::string_view::npos) break;
    const auto close = text.find("}}", open);
    if (close == std::string_view::npos) return fail(bad_template("--format: {{ without }}", "write e.g. '{{.ID}} {{.Name}}'"));
    auto field = text.substr(open + 2, close - open - 2);
    while (field.starts_with(' ')) field.remove_prefix(1);
    while (field.ends_with(' ')) field.remove_suffix(1);
    if (field.starts_with('.')) field.remove_prefix(1);
    if (std::ranges::find(names, field) == names.end()) {
      std::vector<std::string> all(names.begin(), names.end());
      const auto near = nearest(field, names);
      return fail(bad_template(cat("--format: there is no field ", field), near ? cat("did you mean {{.", *near, "}}?") : cat("the fields are ", join(all, ", "))));
    }
    result.pieces_.push_back({std::string(field), true});
    text.remove_prefix(close + 2);
  }
  return result;
}

std::string RowTemplate::format(const std::vector<TemplateFields>& rows) const {
  std::string out;
  std::vector<std::vector<std::string>> table;
  const auto value = [](const TemplateFields& fields, const std::string& name) {
    const auto found = std::ranges::find(fields, std::string_view(name), [](const auto& field) { return field.first; });
    return found == fields.end() ? std::string() : escape_control(found->second);
  };
  if (table_) {
    std::vector<std::string> header;
    for (const auto& piece : pieces_)
      if (piece.is_field) header.push_back(upper(piece.text));
    for (const auto& fields : rows) {
      auto& row = table.emplace_back();
      for (const auto& piece : pieces_)
        if (piece.is_field) row.push_back(value(fields, piece.text));
    }
    return format_table(header, table);
  }
  for (const auto& fields : rows) {
    for (const auto& piece : pieces_) out += piece.is_field ? value(fields, piece.text) : piece.text;
    out += '\n';
  }
  return out;
}

std::string format_age(std::uint64_t microseconds) {
  const auto seconds = microseconds / 1'000'000U;
  const auto in = [](std::uint64_t count, std::string_view unit) { return cat(count, " ", unit, count == 1 ? "" : "s"); };
  if (seconds < 60) return in(seconds, "second");
  if (seconds < 3600) return in(seconds / 60, "minute");
  if (seconds < 48 * 3600) return in(seconds / 3600, "hour");
  return in(seconds / 86400, "day");
}

}  // namespace sbx
