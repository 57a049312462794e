#include "base/text.h"
#include "cli/help.h"
#include "profile/keys.h"

namespace sbx {

std::string keys_text(std::string_view word) {
  std::string out;
  for (const auto& key : profile_keys())
    if (key.name.starts_with(word))
      out += cat(key.name, "  (", key.type, ")\n    ", key.meaning, "\n    ", key.values, "\n");
  return out;
}

}  // namespace sbx
