#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/fault.h"
namespace sbx {
namespace {
int fault_step = -1;
int fault_errno = 0;
}  // namespace

void load_faults() {
  const char* text = std::getenv("SBX_FAULT");
  if (text == nullptr) return;
  const char* colon = std::strchr(text, ':');
  const std::string_view name = colon ? std::string_view(text, static_cast<std::size_t>(colon - text)) : text;
  fault_errno = colon ? std::atoi(colon + 1) : EIO;
  if (const auto step = step_by_name(name)) fault_step = static_cast<int>(*step);
}
int fault_at(Step step) { return static_cast<int>(step) == fault_step ? fault_errno : 0; }
}  // namespace sbx
