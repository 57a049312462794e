// `--trace`: the launch as OpenTelemetry spans, one a Step, in the OTLP file format: a line of JSON (ProtoJSON of a
// TracesData message, ids in hexadecimal) that collectors read. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/step_times.h"
#include "launch/exit_report.h"
#include "telemetry/labels.h"

namespace sbx {

struct TraceContext {
  std::string trace_id;   // 32 hexadecimal digits
  std::string parent_id;  // 16; empty: none, the launch is the root of its trace
};
// W3C Trace Context, "00-TRACE-PARENT-FLAGS". What breaks its rules is no context at all.
std::optional<TraceContext> parse_traceparent(std::string_view text);

struct Trace {
  SandboxLabels labels;
  TraceContext context;
  std::string span_id;               // of the launch as a whole; the Steps' are made from it
  std::uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_MONOTONIC, as all times here
  std::uint64_t realtime_offset_ns = 0;    // CLOCK_REALTIME's lead over it
  std::uint32_t pid = 0;
};
std::string trace_line(const Trace& trace, const ExitReport& report);
// The launch failed; `steps`: those before it.
std::string trace_line(const Trace& trace, const StepTimes& steps, const Error& error);

}  // namespace sbx
