// What names a sandbox to whoever reads of it elsewhere.
#pragma once
#include <string>

namespace sbx {

struct SandboxLabels {
  std::string id, name, profile;
  std::string command;          // argv[0] alone: arguments may hold secrets, and the journal has other readers
  bool system_manager = false;  // whose unit the scope is
};

}  // namespace sbx
