#include "telemetry/trace.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "filter/sha256.h"
#include "launch/report.h"
#include "sbx_config.h"

namespace sbx {
namespace {

using nlohmann::ordered_json;

constexpr int kind_internal = 1, status_error = 2;  // of opentelemetry-proto's trace.proto

bool is_id(std::string_view text, std::size_t size) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == size && std::ranges::all_of(text, digit);
}
bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

ordered_json attribute(std::string_view key, std::string_view value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}
// 64-bit numbers are strings in ProtoJSON.
ordered_json attribute(std::string_view key, std::uint64_t value) {
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

class Spans {
 public:
  explicit Spans(const Trace& trace) : trace_(trace) {}

  // The launch as a whole comes first, the others are its children.
  ordered_json& add(std::string_view name, std::uint64_t begin_ns, std::uint64_t end_ns) {
    const bool whole = spans_.empty();
    ordered_json span = {{"traceId", trace_.context.trace_id},
                         {"spanId", whole ? trace_.span_id : sha256_hex(cat(trace_.span_id, name)).substr(0, 16)}};
    if (!whole) span["parentSpanId"] = trace_.span_id;
    else if (!trace_.context.parent_id.empty()) span["parentSpanId"] = trace_.context.parent_id;
    span["name"] = name;
    span["kind"] = kind_internal;
    span["startTimeUnixNano"] = std::to_string(begin_ns + trace_.realtime_offset_ns);
    span["endTimeUnixNano"] = std::to_string(std::max(begin_ns, end_ns) + trace_.realtime_offset_ns);
    span["attributes"] = ordered_json::array();
    spans_.push_back(std::move(span));
    return spans_.back();
  }

  void add_launch() {
    const auto& labels = trace_.labels;
    auto& attributes = add("sbx run", trace_.begin_ns, trace_.end_ns)["attributes"];
    const auto note = [&](std::string_view key, const std::string& value) {
      if (!value.empty()) attributes.push_back(attribute(key, value));  // a profile that can't be read names nothing
    };
    note("sbx.id", labels.id);
    note("sbx.name", labels.name);
    note("sbx.profile", labels.profile);
    note("sbx.command", labels.command);
  }

  void add_steps(const StepTimes& steps) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < step_count; ++i)
      if (steps.begin_ns[i] != 0) order.push_back(i);
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return steps.begin_ns[i]; });
    for (const auto i : order) {
      // One that ran several times, with others between, was at work for less than its span.
      auto& attributes = add(step_names[i], steps.begin_ns[i], steps.end_ns[i])["attributes"];
      attributes.push_back(attribute("sbx.step.busy_us", std::uint64_t{steps.us[i]}));
    }
  }

  ordered_json& back() { return spans_.back(); }
  ordered_json& front() { return spans_.front(); }

  std::string line() {
    ordered_json document;
    auto& resource = document["resourceSpans"][0];
    resource["resource"]["attributes"] = {attribute("service.name", "sbx"), attribute("service.version", SBX_VERSION),
                                          attribute("process.pid", std::uint64_t{trace_.pid})};
    auto& scope = resource["scopeSpans"][0];
    scope["scope"] = {{"name", "sbx"}, {"version", SBX_VERSION}};
    scope["spans"] = std::move(spans_);
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }

 private:
  const Trace& trace_;
  ordered_json spans_ = ordered_json::array();
};

ordered_json failed(std::string_view why) { return {{"code", status_error}, {"message", why}}; }

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = text.substr(0, 2), trace = text.substr(3, 32), parent = text.substr(36, 16);
  if (!is_id(version, 2) || version == "ff" || !is_id(text.substr(53, 2), 2)) return std::nullopt;
  // Later versions may say more, after a dash.
  if (text.size() > 55 && (version == "00" || text[55] != '-')) return std::nullopt;
  if (!is_id(trace, 32) || is_zero(trace) || !is_id(parent, 16) || is_zero(parent)) return std::nullopt;
  return TraceContext{std::string(trace), std::string(parent)};
}

std::string trace_line(const Trace& trace, const ExitReport& report) {
  Spans spans(trace);
  spans.add_launch();
  spans.add_steps(report.steps);
  auto& payload = spans.add("payload", report.exec_ns, report.exec_ns + report.wall_time_us * 1000);
  payload["attributes"].push_back(attribute("sbx.exit_status", static_cast<std::uint64_t>(exit_status(report))));
  payload["attributes"].push_back(attribute("sbx.ending", ending_name(report.ending)));
  if (const auto words = ending_in_words(report); !words.empty()) payload["status"] = failed(words);
  return spans.line();
}

std::string trace_line(const Trace& trace, const StepTimes& steps, const Error& error) {
  Spans spans(trace);
  spans.add_launch();
  const auto words = format_error(error);
  spans.front()["status"] = failed(words);
  auto before = steps;
  const auto at = static_cast<std::size_t>(error.step);
  before.begin_ns[at] = 0;
  spans.add_steps(before);
  const auto begin_ns = steps.begin_ns[at] != 0 ? steps.begin_ns[at] : trace.end_ns;
  spans.add(step_name(error.step), begin_ns, trace.end_ns)["status"] = failed(words);
  return spans.line();
}

}  // namespace sbx
