#include "cli/run_trace.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>

#include "base/text.h"
#include "cli/files.h"
#include "cli/output.h"
#include "telemetry/trace.h"

namespace sbx {
namespace {

std::string random_hex(std::size_t digits) {
  std::array<unsigned char, 16> bytes{};
  static_cast<void>(::getrandom(bytes.data(), bytes.size(), 0));  // up to 256 bytes come at once (getrandom(2))
  bytes[0] |= 1U;  // an id of zeros alone is none
  static constexpr char hex[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) text += {hex[byte >> 4U], hex[byte & 15U]};
  return text.substr(0, digits);
}

Trace make_trace(const SandboxLabels& labels, std::uint64_t begin_ns) {
  Trace trace;
  trace.labels = labels;
  // The caller's trace goes on here. One that breaks the rules is taken for none, as W3C Trace Context says.
  const char* parent = std::getenv("TRACEPARENT");
  auto context = parent != nullptr ? parse_traceparent(parent) : std::nullopt;
  trace.context = context ? *std::move(context) : TraceContext{random_hex(32), ""};
  trace.span_id = random_hex(16);
  trace.begin_ns = begin_ns;
  trace.end_ns = StepTimer::now_ns();
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
  trace.realtime_offset_ns = static_cast<std::uint64_t>(now.count()) - trace.end_ns;
  trace.pid = static_cast<std::uint32_t>(::getpid());
  return trace;
}

}  // namespace

Result<RunTrace> RunTrace::open(const RunRequest& request) {
  RunTrace trace;
  if (request.trace_file.empty() || request.explain) return trace;
  // Appended to, in one write: the format is a line a message, and several launches make one trace.
  SBX_ASSIGN(trace.file_, open_output_file(request.trace_file, O_APPEND));
  trace.file_name_ = request.trace_file;
  return trace;
}

Result<> RunTrace::write(const ExitReport& report) const {
  if (!file_) return {};
  return write_all(file_.get(), trace_line(make_trace(labels, begin_ns_), report), file_name_);
}

void RunTrace::write_failure(const Error& error) const {
  if (file_) (void)write_all(file_.get(), trace_line(make_trace(labels, begin_ns_), steps, error), file_name_);
}

}  // namespace sbx
