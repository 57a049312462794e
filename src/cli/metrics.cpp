#include "cli/metrics.h"

#include "base/text.h"
#include "cli/output.h"
#include "telemetry/http_server.h"
#include "telemetry/metrics_source.h"

namespace sbx {
namespace {

constexpr auto idle_time = std::chrono::minutes(5);  // the socket unit starts it anew

Result<MetricFormat> read_format(const std::string& value) {
  if (value == "openmetrics") return MetricFormat::openmetrics;
  if (value == "prometheus") return MetricFormat::prometheus;
  return fail(usage_error(cat("--format=", value, ": unknown"), "write openmetrics or prometheus"));
}

Result<> serve(const Registry& registry, const std::string& address) {
  const bool activated = address.empty();
  SBX_ASSIGN(const auto listener, activated ? take_activated_socket() : listen_on(address));
  return serve_http(listener.get(), [&](MetricFormat format) { return read_metrics(registry, format); },
                    activated ? idle_time : std::chrono::minutes(0));
}

}  // namespace

Result<int> metrics_command(const ParsedLine& line) {
  if (!line.words.empty()) return fail(usage_error(cat("unexpected word ", line.words[0]), "sbx metrics takes none"));
  auto format = MetricFormat::openmetrics;
  const std::string* address = nullptr;
  for (const auto& option : line.options) {
    if (option.option->name == "listen") address = &option.value;
    if (option.option->name != "format") continue;
    SBX_ASSIGN(format, read_format(option.value));
  }
  SBX_ASSIGN(const auto registry, Registry::open());
  if (address != nullptr) SBX_TRY(serve(registry, *address));
  else SBX_TRY(print(read_metrics(registry, format)));
  return 0;
}

}  // namespace sbx
