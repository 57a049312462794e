// Compiled filters kept by digest: shipped ones read-only beside the profiles, the user's own in the cache directory.
#pragma once
#include <string>
#include <vector>

#include "filter/compile.h"

namespace sbx {
// Returns the filter from `directories` (tried in order; files "<digest>.bpf", refused unless owned by root or the
// caller and writable by nobody else, and checked against the digest that heads them), or compiles it and keeps it
// in the last directory, atomically, unless its name is empty. A cache that can't be written or read is no error.
Result<CompiledFilter> load_or_compile_filter(const SeccompSpec& spec, bool allow_user_namespaces,
                                              const std::vector<std::string>& directories);
// Writes "<digest>.bpf" there, atomically; silent where that fails. Used at install time too.
void keep_filter(const std::string& directory, const CompiledFilter& filter);
}  // namespace sbx
