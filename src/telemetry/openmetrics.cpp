#include "telemetry/openmetrics.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"

namespace sbx {
namespace {

std::string_view kind_name(MetricKind kind, MetricFormat format) {
  switch (kind) {
    case MetricKind::gauge: return "gauge";
    case MetricKind::counter: return "counter";
    case MetricKind::summary: return "summary";
    case MetricKind::info: return format == MetricFormat::openmetrics ? "info" : "gauge";
  }
  return "";
}

std::string_view kind_suffix(MetricKind kind) {
  return kind == MetricKind::counter ? "_total" : kind == MetricKind::info ? "_info" : "";
}

std::string doubled(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\\' ? std::string("\\\\") : std::string(1, c);
  return out;
}

// Both formats know \\, \" and \n within a value, no other escape, and want UTF-8: of what else is no printable text its
// \xNN is shown, with a backslash of its own.
std::string label_value(std::string_view text) {
  std::string out, plain;
  const auto flush = [&] {
    out += doubled(escape_control(plain));
    plain.clear();
  };
  for (const char c : text) {
    if (c != '\\' && c != '"' && c != '\n') {
      plain += c;
      continue;
    }
    flush();
    out += {'\\', c == '\n' ? 'n' : c};
  }
  flush();
  return out;
}

std::string labels_text(const MetricSample& sample) {
  std::string out;
  for (const auto& [name, value] : sample.labels)
    out += cat(out.empty() ? "{" : ",", name, "=\"", label_value(value), "\"");
  return out.empty() ? out : out + "}";
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin, end - begin + 1);
}

}  // namespace

std::string metrics_text(std::span<const MetricFamily> families, MetricFormat format) {
  const bool open = format == MetricFormat::openmetrics;
  std::string out;
  for (const auto& family : families) {
    if (family.samples.empty()) continue;
    const auto suffix = kind_suffix(family.kind);
    // The older format has the suffix in the family's own name.
    const auto name = open ? family.name : cat(family.name, suffix);
    out += cat("# HELP ", name, " ", doubled(family.help), "\n# TYPE ", name, " ", kind_name(family.kind, format), "\n");
    if (open && !family.unit.empty()) out += cat("# UNIT ", name, " ", family.unit, "\n");
    for (const auto& sample : family.samples)
      out += cat(family.name, suffix, sample.suffix, labels_text(sample), " ", sample.value, "\n");
  }
  return open ? out + "# EOF\n" : out;
}

std::string_view content_type(MetricFormat format) {
  return format == MetricFormat::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                             : "text/plain; version=0.0.4; charset=utf-8";
}

MetricFormat negotiate_format(std::string_view accept) {
  double open = 0, text = 0;
  for (const auto range : split(accept, ',')) {
    const auto parts = split(range, ';');
    double weight = 1;
    for (const auto part : parts)
      if (const auto parameter = trim(part); parameter.starts_with("q=")) weight = std::atof(std::string(parameter.substr(2)).c_str());
    const auto type = trim(parts[0]);
    if (type == "application/openmetrics-text") open = std::max(open, weight);
    else if (type == "text/plain" || type == "text/*" || type == "*/*") text = std::max(text, weight);
  }
  return open > 0 && open >= text ? MetricFormat::openmetrics : MetricFormat::prometheus;
}

std::string seconds_text(std::uint64_t us) {
  auto fraction = std::to_string(us % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return cat(us / 1'000'000, ".", fraction);
}

}  // namespace sbx
