// The metrics of the caller's sandboxes, as they are now.
#pragma once
#include <string>

#include "state/registry.h"
#include "telemetry/openmetrics.h"

namespace sbx {
std::string read_metrics(const Registry& registry, MetricFormat format);
}
