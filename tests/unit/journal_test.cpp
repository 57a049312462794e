#include <algorithm>

#include "catch.h"
#include "telemetry/launch_log.h"

using namespace sbx;

namespace {

std::string value_of(const std::vector<JournalField>& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &JournalField::name);
  return found == fields.end() ? "absent" : found->value;
}

const SandboxLabels labels = {"k3w", "job", "build", "make", false};

}  // namespace

TEST_CASE("a value with a newline goes with its length, any other as a line", "[journal]") {
  const std::vector<JournalField> fields = {{"A", "x=y"}, {"B", "1\nFORGED=2"}, {"C", ""}};
  CHECK(journal_datagram(fields) == std::string("A=x=y\nB\n\x0a\0\0\0\0\0\0\0", 16) + "1\nFORGED=2\nC=\n");
}

TEST_CASE("the end of a sandbox says what it used", "[journal]") {
  ExitReport report;
  report.exit_code = 2;
  report.scope = "sbx-build-job.scope";
  report.user_time_us = 1000, report.system_time_us = 500, report.max_rss_bytes = 4096;
  auto fields = ended_entry(labels, report);
  CHECK(value_of(fields, "SBX_EXIT") == "2");
  CHECK(value_of(fields, "SBX_OOM") == "0");
  CHECK(value_of(fields, "SBX_CPU_USEC") == "1500");
  CHECK(value_of(fields, "SBX_MEMORY_PEAK") == "4096");
  CHECK(value_of(fields, "SBX_RECEIPT") == "absent");
  CHECK(value_of(fields, "PRIORITY") == "6");
  CHECK(value_of(fields, "USER_UNIT") == "sbx-build-job.scope");
  // The cgroup counts what is no child of init's as well.
  report.cgroup.cpu_usage_us = 7000, report.cgroup.memory_peak = 8192, report.cgroup.oom_kills = 1;
  auto system = labels;
  system.system_manager = true;
  fields = ended_entry(system, report);
  CHECK(value_of(fields, "SBX_CPU_USEC") == "7000");
  CHECK(value_of(fields, "SBX_MEMORY_PEAK") == "8192");
  CHECK(value_of(fields, "SBX_OOM") == "1");
  CHECK(value_of(fields, "PRIORITY") == "4");
  CHECK(value_of(fields, "MESSAGE").find("--memory") != std::string::npos);
  CHECK(value_of(fields, "UNIT") == "sbx-build-job.scope");
  CHECK(value_of(fields, "USER_UNIT") == "absent");
}

TEST_CASE("a command's name can't forge fields or steer a terminal", "[journal]") {
  auto hostile = labels;
  hostile.command = "a\nSBX_EXIT=0\x1b[2J";
  const ExitReport report;
  const auto fields = started_entry(hostile, {10, report});
  CHECK(value_of(fields, "MESSAGE").find('\n') == std::string::npos);
  CHECK(value_of(fields, "MESSAGE").find('\x1b') == std::string::npos);
  CHECK(journal_datagram(fields).find("\nSBX_COMMAND\n") != std::string::npos);  // with its length
}

TEST_CASE("the receipt's digest changes with each part of it", "[journal]") {
  const ReceiptItem item = {"memory", "memory.max=1", "1", true};
  const auto digest = receipt_digest({item});
  CHECK(digest.size() == 64);
  CHECK(receipt_digest({}).empty());
  auto other = item;
  other.found = "2";
  CHECK(receipt_digest({other}) != digest);
  other = item;
  other.enforced = false;
  CHECK(receipt_digest({other}) != digest);
}
