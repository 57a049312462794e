#include <nlohmann/json.hpp>

#include "catch.h"
#include "telemetry/trace.h"

using namespace sbx;

namespace {

constexpr const char* parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Trace example() {
  Trace trace;
  trace.labels = {"k3w", "job", "build", "make", false};
  trace.context = *parse_traceparent(parent);
  trace.span_id = "00f067aa0ba902b7";
  trace.begin_ns = 1'000, trace.end_ns = 9'000'000;
  trace.realtime_offset_ns = 1'700'000'000'000'000'000;
  trace.pid = 42;
  return trace;
}

nlohmann::json spans_of(const std::string& line) {
  CHECK(line.find('\n') == line.size() - 1);  // a line a message
  return nlohmann::json::parse(line)["resourceSpans"][0]["scopeSpans"][0]["spans"];
}

}  // namespace

TEST_CASE("a traceparent is taken as W3C Trace Context has it, or not at all", "[trace]") {
  const auto context = parse_traceparent(parent);
  REQUIRE(context);
  CHECK(context->trace_id == "0af7651916cd43dd8448eb211c80319c");
  CHECK(context->parent_id == "b7ad6b7169203331");
  CHECK(parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later"));
  for (const char* wrong : {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                            "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                            "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c8031\"c-b7ad6b7169203331-01",
                            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01later"})
    CHECK_FALSE(parse_traceparent(wrong));
}

TEST_CASE("each Step is a span below the launch, in the order in which they began", "[trace]") {
  ExitReport report;
  report.steps.add(Step::pivot_root, 5'000, 8'000);
  report.steps.add(Step::bind, 2'000, 3'000);
  report.steps.add(Step::bind, 4'000, 5'000);
  report.exec_ns = 9'000, report.wall_time_us = 7;
  report.exit_code = 3;
  const auto spans = spans_of(trace_line(example(), report));
  REQUIRE(spans.size() == 4);
  CHECK(spans[0]["name"] == "sbx run");
  CHECK(spans[0]["parentSpanId"] == "b7ad6b7169203331");
  CHECK(spans[1]["name"] == "bind");
  CHECK(spans[1]["startTimeUnixNano"] == "1700000000000002000");
  CHECK(spans[1]["endTimeUnixNano"] == "1700000000000005000");
  CHECK(spans[1]["attributes"][0]["value"]["intValue"] == "2");
  CHECK(spans[2]["name"] == "pivot-root");
  CHECK(spans[3]["name"] == "payload");
  CHECK(spans[3]["endTimeUnixNano"] == "1700000000000016000");
  CHECK(spans[3]["attributes"][0]["value"]["intValue"] == "3");
  for (std::size_t i = 1; i < spans.size(); ++i) {
    CHECK(spans[i]["parentSpanId"] == spans[0]["spanId"]);
    CHECK(spans[i]["traceId"] == "0af7651916cd43dd8448eb211c80319c");
    CHECK(spans[i]["spanId"].get<std::string>().size() == 16);
    CHECK(spans[i]["spanId"] != spans[i - 1]["spanId"]);
  }
}

TEST_CASE("a launch that failed shows the Step and why", "[trace]") {
  StepTimes steps;
  steps.add(Step::make_plan, 1'000, 2'000);
  const auto spans = spans_of(trace_line(example(), steps, {Step::pivot_root, ErrorKind::system, 1, "\xff/root", ""}));
  REQUIRE(spans.size() == 3);
  CHECK(spans[0]["status"]["code"] == 2);
  CHECK(spans[2]["name"] == "pivot-root");
  CHECK(spans[2]["status"]["code"] == 2);
  CHECK(spans[2]["status"]["message"].get<std::string>().find("Operation not permitted") != std::string::npos);
}

TEST_CASE("times of several rounds add up", "[trace]") {
  StepTimes one, two;
  one.add(Step::bind, 100'000, 105'000);
  two.add(Step::bind, 200'000, 203'000);
  two.add(Step::exec, 300'000, 301'000);
  one.add(two);
  const auto bind = static_cast<std::size_t>(Step::bind);
  CHECK(one.us[bind] == 8);
  CHECK(one.begin_ns[bind] == 100'000);
  CHECK(one.end_ns[bind] == 203'000);
  CHECK(one.us[static_cast<std::size_t>(Step::exec)] == 1);
}
