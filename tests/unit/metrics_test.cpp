#include <algorithm>

#include "catch.h"
#include "golden.h"
#include "telemetry/sandbox_metrics.h"

using namespace sbx;

namespace {

SandboxReading example(std::string id, std::string name) {
  SandboxReading reading;
  reading.labels = {std::move(id), std::move(name), "build", "make", false};
  reading.scope = "sbx-build-job.scope";
  reading.created_us = 1'700'000'000'250'000;
  reading.files = {{"memory.current", "1048576\n"},
                   {"memory.peak", "2097152\n"},
                   {"memory.max", "max\n"},
                   {"memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n"},
                   {"cpu.stat", "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 70\n"},
                   {"cpu.max", "150000 100000\n"},
                   {"pids.current", "3\n"},
                   {"pids.max", "64\n"},
                   {"pids.events", "max 5\n"},
                   {"io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=5 wbytes=6 rios=3 wios=4 dbytes=0 dios=0\n"},
                   {"cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234567\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"}};
  return reading;
}

HistoryTotals example_totals() {
  HistoryTotals totals;
  EndedSandbox ended;
  ended.profile = "build";
  ended.setup_us = 3'400;
  ended.step_us = {{"bind", 900}, {"exec", 100}};
  totals.add(ended);
  ended.status = 137, ended.oom_kills = 1;
  totals.add(ended);
  return totals;
}

std::string text_of(MetricFormat format) {
  const std::vector<SandboxReading> running = {example("k3w", "job"), example("m4x", "other")};
  return metrics_text(sandbox_metrics(running, example_totals()), format);
}

}  // namespace

TEST_CASE("metrics of sandboxes, in both formats", "[metrics]") {
  sbx_test::check_golden("metrics/openmetrics.txt", text_of(MetricFormat::openmetrics));
  sbx_test::check_golden("metrics/prometheus.txt", text_of(MetricFormat::prometheus));
}

TEST_CASE("OpenMetrics keeps its rules", "[metrics]") {
  const auto text = text_of(MetricFormat::openmetrics);
  CHECK(text.ends_with("\n# EOF\n"));
  for (const char* line : {"# TYPE sbx_cpu_usage_seconds counter\n# UNIT sbx_cpu_usage_seconds seconds\n",
                           "sbx_cpu_usage_seconds_total{id=\"k3w\",name=\"job\",profile=\"build\"} 1.500000\n",
                           "sbx_memory_limit_bytes{id=\"k3w\",name=\"job\",profile=\"build\"} +Inf\n", "sbx_cpu_limit_cpus{id=\"k3w\",name=\"job\",profile=\"build\"} 1.500\n",
                           "sbx_io_read_bytes_total{id=\"k3w\",name=\"job\",profile=\"build\"} 15\n", "sbx_exits_total{profile=\"build\",status=\"137\"} 1\n",
                           "sbx_startup_step_seconds_sum{step=\"bind\"} 0.001800\n", "# TYPE sbx_sandbox info\n",
                           "sbx_pressure_seconds_total{id=\"k3w\",name=\"job\",profile=\"build\",resource=\"cpu\",waiting=\"some\"} 1.234567\n"})
    CHECK(text.find(line) != std::string::npos);
  // What a host without swap lacks has no family at all.
  CHECK(text.find("sbx_memory_swap_bytes") == std::string::npos);
}

TEST_CASE("a family's samples stand together, and each family once", "[metrics]") {
  const std::vector<SandboxReading> running = {example("k3w", "job"), example("m4x", "other")};
  std::vector<std::string> names;
  for (const auto& family : sandbox_metrics(running, example_totals())) names.push_back(family.name);
  auto sorted = names;
  std::ranges::sort(sorted);
  CHECK(std::ranges::adjacent_find(sorted) == sorted.end());
}

TEST_CASE("labels can't break out of their quotes", "[metrics]") {
  const std::vector<MetricFamily> families = {{"x", MetricKind::gauge, "", "a\\b", {{{{"name", "a\"b\\c\nd\te\x1b\xff"}}, "1"}}}};
  CHECK(metrics_text(families, MetricFormat::prometheus) ==
        "# HELP x a\\\\b\n# TYPE x gauge\nx{name=\"a\\\"b\\\\c\\nd\\\\te\\\\x1b\\\\xff\"} 1\n");
}

TEST_CASE("the format is the one that the reader prefers", "[metrics]") {
  // As Prometheus 2.42 and 3 ask.
  CHECK(negotiate_format("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1") ==
        MetricFormat::openmetrics);
  CHECK(negotiate_format("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.5") == MetricFormat::prometheus);
  for (const char* accept : {"", "*/*", "text/html", "application/openmetrics-text;q=0", ";;,,;q=x"})
    CHECK(negotiate_format(accept) == MetricFormat::prometheus);
}
