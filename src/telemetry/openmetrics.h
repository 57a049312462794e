// Metric families as text: OpenMetrics 1.0, and the older format of Prometheus for readers that don't ask for it. Pure.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sbx {

enum class MetricFormat : std::uint8_t { openmetrics, prometheus };
enum class MetricKind : std::uint8_t { gauge, counter, info, summary };

struct MetricSample {
  std::vector<std::pair<std::string_view, std::string>> labels;
  std::string value;
  std::string_view suffix = {};  // with summary: "_count" or "_sum"
};
struct MetricFamily {
  std::string name;  // without "_total" and "_info"; ends in "_UNIT" where there is one
  MetricKind kind = MetricKind::gauge;
  std::string_view unit, help;
  std::vector<MetricSample> samples;
};

// Families without a sample are left out.
std::string metrics_text(std::span<const MetricFamily> families, MetricFormat format);
std::string_view content_type(MetricFormat format);
// What an HTTP Accept header prefers (RFC 9110, 12.5.1): OpenMetrics where it is named with no smaller weight than text.
MetricFormat negotiate_format(std::string_view accept);

// Microseconds as seconds.
std::string seconds_text(std::uint64_t us);

}  // namespace sbx
