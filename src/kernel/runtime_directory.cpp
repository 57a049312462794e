#include "kernel/runtime_directory.h"

#include <unistd.h>

#include <cstdlib>

#include "base/text.h"

namespace sbx {
namespace {

std::string absolute_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? normalize_path(value) : std::string();
}

}  // namespace

std::vector<std::string> runtime_directories() {
  std::vector<std::string> found;
  if (auto named = absolute_variable("SBX_RUNTIME_DIR"); !named.empty()) found.push_back(std::move(named));
  if (::geteuid() == 0) found.emplace_back("/run/sbx");
  const auto usual = cat("/run/user/", ::geteuid());
  if (const auto runtime = absolute_variable("XDG_RUNTIME_DIR"); !runtime.empty()) found.push_back(cat(runtime, "/sbx"));
  else if (::access(usual.c_str(), W_OK) == 0) found.push_back(cat(usual, "/sbx"));
  return found;
}

}  // namespace sbx
