#include "cli/version.h"

#include "base/text.h"
#include "cli/output.h"
#include "sbx_config.h"

namespace sbx {

Result<int> version_command(const ParsedLine& line) {
  if (!line.words.empty()) return fail(usage_error(cat("unexpected word ", line.words[0]), "sbx version takes none"));
  SBX_TRY(print(line.has("json") ? cat("{\"version\":\"", SBX_VERSION, "\"}\n") : cat("sbx ", SBX_VERSION, "\n")));
  return 0;
}

}  // namespace sbx
