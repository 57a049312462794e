#include "base/result.h"
#include "base/text.h"
#include "catch.h"

using namespace sbx;

TEST_CASE("sizes and times are read as systemd and podman read them") {
  CHECK(parse_bytes("512M") == 512U << 20U);
  CHECK(parse_bytes("1.5g") == 3U << 29U);
  CHECK(parse_bytes("10MiB") == 10U << 20U);
  CHECK(parse_bytes("12") == 12U);
  CHECK_FALSE(parse_bytes("M"));
  CHECK_FALSE(parse_bytes("-1"));
  CHECK_FALSE(parse_bytes("99999999999E"));
  CHECK(parse_time_span("10min") == 600'000'000U);
  CHECK(parse_time_span("1h 30s") == 3'630'000'000U);
  CHECK(parse_time_span("5") == 5'000'000U);
  CHECK(parse_time_span("0.5s") == 500'000U);
  CHECK_FALSE(parse_time_span("5 parsecs"));
  CHECK_FALSE(parse_time_span(""));
  CHECK(format_bytes(1536) == "1.5 KiB");
}

TEST_CASE("a message stays one line and can't steer a terminal") {
  CHECK(escape_control("a\nb\x1b[2J") == "a\\nb\\x1b[2J");
  CHECK(escape_control("\xc2\x9b") == "\\xc2\\x9b");
  CHECK(escape_control("Gr\xc3\xbc\xc3\x9f") == "Gr\xc3\xbc\xc3\x9f");
  CHECK(escape_control("\xff") == "\\xff");
  const Error error{Step::bind, ErrorKind::system, 2, "/x\ny", "make it"};
  CHECK(format_error(error) == "cannot bind a path: /x\\ny: No such file or directory; make it [bind]");
}

TEST_CASE("paths are compared by component") {
  CHECK(normalize_path("/a/./b//../c/") == "/a/c");
  CHECK(normalize_path("/../..") == "/");
  CHECK(normalize_path("a/../../b") == "../b");
  CHECK(is_at_or_below("/a/b", "/a"));
  CHECK_FALSE(is_at_or_below("/ab", "/a"));
  CHECK(is_at_or_below("/a", "/"));
  CHECK(parent_path("/a") == "/");
  CHECK(parent_path("/a/b") == "/a");
}

TEST_CASE("the nearest word is offered only where it is near") {
  CHECK(nearest("biuld", {"base", "build", "shell"}) == "build");
  CHECK(nearest("rnu", {"run", "help"}) == "run");
  CHECK(nearest("memroy.max", {"memory.max", "memory.high"}) == "memory.max");
  CHECK_FALSE(nearest("xyz", {"memory.max"}));
}
