// SandboxDetails: what `exec` and `inspect` need of a launch, and its text in the registry's ID.details.json. Pure.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "launch/exit_report.h"
#include "plan/launch_plan.h"

namespace sbx {

struct SandboxDetails {
  std::string id;
  std::string spec;                  // JSON, as dump_spec() gives it
  std::string plan;                  // text, as explain() gives it
  std::uint64_t setup_time_us = 0;
  std::vector<ReceiptItem> receipt;  // empty: none was taken
  std::vector<Loss> losses;
  // The process' half: namespaces, ids, host name, Landlock, filter, capabilities, rlimits, argv, environment, workdir,
  // terminal, limits of time, what is required and accepted. Mounts, placeholders and the cgroup's request are left out.
  LaunchPlan process;
  std::uint32_t file_mode_mask = 022;
  // Numbers of the launcher's descriptors by the kind of the namespace, "user", "mnt"; empty: there is no way in.
  std::vector<std::pair<std::string, int>> namespaces;
};

// `process` in place of the details' own, which then needn't be a copy.
std::string format_details(const SandboxDetails& details, const LaunchPlan& process);
Result<SandboxDetails> parse_details(std::string_view text);

}  // namespace sbx
