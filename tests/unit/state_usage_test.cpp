#include "catch.h"
#include "cli/text_table.h"
#include "state/usage.h"

using namespace sbx;

TEST_CASE("pressure is read from its file", "[state]") {
  CHECK(pressure_avg10("some avg10=1.25 avg60=0.50 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n") == 1.25);
  CHECK_FALSE(pressure_avg10(""));
  CHECK_FALSE(pressure_avg10("full avg10=1.00"));
  CHECK_FALSE(pressure_avg10("some avg10=x"));
}

TEST_CASE("the traffic of all devices but lo", "[state]") {
  const auto traffic = device_traffic(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
      "    lo: 5000      10    0    0    0     0          0         0     5000      10    0    0    0     0       0          0\n"
      "  eth0: 1000       7    0    0    0     0          0         0      300       3    0    0    0     0       0          0\n"
      "  tap0:20 7 0 0 0 0 0 0 4 3 0 0 0 0 0 0\n");
  CHECK(traffic.in == 1020);
  CHECK(traffic.out == 304);
  CHECK(device_traffic("eth0: 1 2 3\n").in == 0);
}

TEST_CASE("a process' use is read past whatever its name holds", "[state]") {
  const auto usage = parse_process_usage("42 (a) b) S 7 1 1 0 -1 4194560 1 0 0 0 5 6 30 40 20 0 3 0 987654 1000 77 3");
  REQUIRE(usage);
  CHECK(usage->parent == 7);
  CHECK(usage->ticks == 81);
  CHECK(usage->threads == 3);
  CHECK(usage->resident_pages == 77);
  CHECK_FALSE(parse_process_usage("42 (a) S 7"));
}

TEST_CASE("a table's columns line up, and no cell draws another", "[cli]") {
  CHECK(format_table({"A", "B"}, {{"long one", "x"}, {"\xc3\xa9", "y\nz\x1b[2J"}}) == "A         B\nlong one  x\n\xc3\xa9         y\\nz\\x1b[2J\n");
}

TEST_CASE("a template takes fields by name", "[cli]") {
  const std::vector<std::string_view> names{"ID", "Name"};
  const std::vector<TemplateFields> rows{{{"ID", "1"}, {"Name", "a"}}, {{"ID", "22"}, {"Name", "b\n"}}};
  CHECK(RowTemplate::parse("{{.ID}}\\t{{ .Name }}!", names)->format(rows) == "1\ta!\n22\tb\\n!\n");
  CHECK(RowTemplate::parse("table {{.ID}} {{.Name}}", names)->format(rows) == "ID  NAME\n1   a\n22  b\\n\n");
  CHECK(RowTemplate::parse("plain", names)->format(rows) == "plain\nplain\n");
  const auto typo = RowTemplate::parse("{{.Nmae}}", names);
  REQUIRE_FALSE(typo);
  CHECK(typo.error().hint.find("{{.Name}}") != std::string::npos);
  CHECK_FALSE(RowTemplate::parse("{{.ID", names));
}

TEST_CASE("an age in one unit", "[cli]") {
  CHECK(format_age(0) == "0 seconds");
  CHECK(format_age(1'000'000) == "1 second");
  CHECK(format_age(3'599'000'000) == "59 minutes");
  CHECK(format_age(47ULL * 3600 * 1'000'000) == "47 hours");
  CHECK(format_age(48ULL * 3600 * 1'000'000) == "2 days");
}
