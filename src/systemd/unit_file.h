// A unit file that runs a sandbox as a service. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "spec/sandbox_spec.h"

namespace sbx {

struct UnitRequest {
  std::string program;               // sbx, by its absolute path
  std::vector<std::string> options;  // of `sbx run`
  std::vector<std::string> command;  // empty: the profile's own
  std::string type = "exec";         // Type= of systemd.service(5)
  bool system_manager = false;
  std::string user;                  // User=, of a system unit; empty: root
  std::string working_directory;     // empty: the manager's choice
};

// What the profile limits stands there as directives, so that the manager shows and enforces it for sbx and payload alike.
std::string unit_file(const SandboxSpec& spec, const UnitRequest& request);
// One word of a command line in a unit, quoted where it has to be (systemd.syntax(7), systemd.service(5)).
std::string unit_word(std::string_view word);

}  // namespace sbx
