#include <nlohmann/json.hpp>

#include "catch.h"
#include "launch/report.h"

using namespace sbx;

namespace {

ExitReport killed_for_memory() {
  ExitReport report;
  report.ending = Ending::out_of_memory;
  report.signal = 9;
  report.limits.memory_max = 50U << 20;
  report.cgroup.memory_peak = 50U << 20;
  report.cgroup.oom_kills = 1;
  return report;
}

}  // namespace

TEST_CASE("a kill for memory names limit, peak and the key to raise", "[report]") {
  const std::string words = ending_in_words(killed_for_memory());
  for (const char* part : {"out of memory", "limit of 50 MiB", "peak 50 MiB", "cgroup.memory.max", "--memory"})
    CHECK(words.find(part) != std::string::npos);
  CHECK(words.find('\n') == std::string::npos);
  CHECK(ending_in_words(ExitReport{}).empty());
}

TEST_CASE("an ending by wall time names the key to raise", "[report]") {
  ExitReport report;
  report.ending = Ending::timed_out;
  report.wall_time_us = 1'204'000;
  const std::string words = ending_in_words(report);
  for (const char* part : {"1.204 s", "limits.wall_time", "--timeout"}) CHECK(words.find(part) != std::string::npos);
}

TEST_CASE("exit statuses are those of the shell and of timeout(1)", "[report]") {
  ExitReport report;
  report.exit_code = 4;
  CHECK(exit_status(report) == 4);
  CHECK(exit_status(killed_for_memory()) == 137);
  report.ending = Ending::signalled;
  report.signal = 11;
  CHECK(exit_status(report) == 139);
  report.ending = Ending::timed_out;
  CHECK(exit_status(report) == 124);
}

TEST_CASE("the JSON report keeps its keys, and survives bytes that are no UTF-8", "[report]") {
  ExitReport report;
  report.exit_code = 4;
  report.steps.us[static_cast<std::size_t>(Step::clone_init)] = 530;
  report.receipt.push_back({"mounts", "mount /\xff", "not mounted", false});
  report.losses.push_back({"landlock", "the kernel lacks it", ""});
  const auto document = nlohmann::json::parse(report_json(report));
  CHECK(document["version"] == 1);
  CHECK(document["ending"] == "exited");
  CHECK(document["exit_code"] == 4);
  CHECK(document["signal"].is_null());
  CHECK(document["cgroup"]["memory_peak_bytes"].is_null());
  CHECK(document["receipt"][0]["enforced"] == false);
  CHECK(document["losses"][0]["protection"] == "landlock");
  CHECK(document["step_us"]["clone-init"] == 530);
  const auto memory = nlohmann::json::parse(report_json(killed_for_memory()));
  CHECK(memory["exit_code"].is_null());
  CHECK(memory["exit_status"] == 137);
  CHECK(memory["in_words"].get<std::string>().find("out of memory") != std::string::npos);
}

TEST_CASE("the text report can't steer a terminal", "[report]") {
  ExitReport report;
  report.scope = "sbx-\x1b[2J.scope";
  report.receipt.push_back({"seccomp", "Seccomp=2", "Seccomp=2\n", true});
  const std::string text = report_text(report);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("enforced") != std::string::npos);
  CHECK(text.find("wall time") != std::string::npos);
}

TEST_CASE("losses of one cause are told together, and each way out once") {
  const std::vector<Loss> losses = {{"scope", "no bus", "start one"}, {"memory", "no bus", "start one"},
                                    {"landlock", "no Landlock", ""},  {"memory", "no bus", "start one"}};
  CHECK(losses_in_words(losses) == std::vector<std::string>{"scope, memory: no bus; start one", "landlock: no Landlock"});
  CHECK(losses_in_words({}).empty());
}
