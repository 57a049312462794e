// Any bytes: a profile or an error of one line; what parses prints as TOML that parses to the same.
#include "base/result.h"
#include "profile/profile.h"
#include "text.h"

using namespace sbx;
using namespace sbx_fuzz;

namespace {

// The values alone: where they were said is what printing changes.
std::string values(const Profile& profile) {
  std::string out;
  bool comment = false;
  bool quoted = false;
  const auto printed = format_profile(profile);
  for (std::size_t i = 0; i < printed.size(); ++i) {
    const char c = printed[i];
    if (!comment && quoted && c == '\\') {
      out += c;
      out += printed[++i];
      continue;
    }
    if (!comment && c == '"') quoted = !quoted;
    if (!quoted && c == '#') comment = true;
    if (c == '\n') comment = false;
    if (!comment) out += c;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = text(data, size);
  const auto profile = parse_profile(input, "fuzz.toml");
  if (!profile) {
    const auto line = format_error(profile.error());
    require(line.find('\n') == line.npos && line.find('\x1b') == line.npos, "an error is one line");
    require(line.find("fuzz.toml") != line.npos, "an error names the file");
    require(line.size() < 65536, "an error is short");
  } else {
    const auto printed = format_profile(*profile);
    const auto again = parse_profile(printed, "fuzz.toml");
    // Printing adds origins, which can take a text over the limit of its size.
    if (printed.size() <= 1U << 20U) {
      require(again.has_value(), "what is printed parses");
      require(values(*again) == values(*profile), "what is printed parses to the same");
    }
  }
  if (const auto setting = parse_setting(input); !setting) {
    const auto line = format_error(setting.error());
    require(line.find('\n') == line.npos, "an error of --set is one line");
  }
  return 0;
}
