// Tables and templates of the commands that list things. Pure.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sbx {

// Columns two spaces apart, as wide as their longest cell; control characters escaped, so that no row can draw another.
std::string format_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

// One thing's fields by the names that a template uses.
using TemplateFields = std::vector<std::pair<std::string_view, std::string>>;

// A template as podman's --format takes it, of the fields alone: text with {{.ID}} or {{ .ID }}, \t and \n in it. "table "
// at its beginning puts a header of the fields' names on top.
class RowTemplate {
 public:
  // Fails on braces that don't close, and on a field that isn't in `names`.
  static Result<RowTemplate> parse(std::string_view text, const std::vector<std::string_view>& names);
  std::string format(const std::vector<TemplateFields>& rows) const;

 private:
  struct Piece {
    std::string text;
    bool is_field = false;
  };
  std::vector<Piece> pieces_;
  bool table_ = false;
};

// "5 seconds", "3 minutes", "2 hours", "4 days".
std::string format_age(std::uint64_t microseconds);

}  // namespace sbx
