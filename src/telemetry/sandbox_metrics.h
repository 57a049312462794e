// The metrics of sandboxes: of the running ones from their cgroups' files, of the ended ones from the history. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "state/history.h"
#include "telemetry/labels.h"
#include "telemetry/openmetrics.h"

namespace sbx {

struct SandboxReading {
  SandboxLabels labels;
  std::string scope;
  std::uint64_t created_us = 0;              // of CLOCK_REALTIME
  std::map<std::string, std::string> files;  // of its cgroup, by name; what the kernel or its controllers lack is absent
};

// The files that a reading should hold.
std::vector<std::string> metric_files();
std::vector<MetricFamily> sandbox_metrics(std::span<const SandboxReading> running, const HistoryTotals& ended);

}  // namespace sbx
