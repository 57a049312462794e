// Allow rules found in what tools are configured with. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sbx {

// "https://user@host:8443/path" gives "host:8443", "git@host:path" "host:22"; nothing where no host is named.
std::optional<std::string> rule_of_url(std::string_view url);
// Every URL in `text`, wherever it stands: between blanks, quotes, commas and bars.
std::vector<std::string> urls_in(std::string_view text);
// The URIs of apt's sources: one a line (sources.list), or paragraphs of fields (deb822). What is disabled is left out.
std::vector<std::string> apt_list_urls(std::string_view text);
std::vector<std::string> apt_deb822_urls(std::string_view text);
// A file of allow.d: one rule a line, # begins a comment. The error names the line and the column.
Result<std::vector<std::string>> read_group_file(std::string_view text, const std::string& path);

}  // namespace sbx
