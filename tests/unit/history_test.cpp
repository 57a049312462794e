#include "base/text.h"
#include "catch.h"
#include "state/history.h"

using namespace sbx;

namespace {

EndedSandbox example(int number) {
  EndedSandbox ended;
  ended.id = cat("id", 100 + number), ended.name = cat("job\n\xff", number % 2 == 0 ? "" : "x"), ended.profile = "build";
  ended.command = "make", ended.scope = "sbx-build.scope";
  ended.started_us = 1'700'000'000'000'000, ended.ended_us = 1'700'000'001'000'000;
  ended.ending = "exited", ended.status = number % 3;
  ended.setup_us = 10, ended.wall_us = 1'000'000, ended.cpu_us = 5, ended.memory_peak = 4096, ended.oom_kills = 1;
  ended.step_us = {{"bind", 4}, {"exec", 1}};
  return ended;
}

}  // namespace

TEST_CASE("an ended sandbox is a line that reads back", "[history]") {
  auto one = example(1);
  one.name = "job";
  const auto line = format_ended(one);
  CHECK(line.find('\n') == line.size() - 1);
  const auto history = parse_history(line);
  REQUIRE(history.ended.size() == 1);
  CHECK(history.ended[0] == one);
  CHECK(history.totals.exits.at("build").at(1) == 1);
  CHECK(history.totals.setup == HistoryTotals::Sum{1, 10});
  CHECK(history.totals.steps.at("bind") == HistoryTotals::Sum{1, 4});
}

TEST_CASE("what is forgotten stays counted", "[history]") {
  std::string text;
  for (int i = 0; i < 9; ++i) text += format_ended(example(i));
  const auto before = parse_history(text);
  const auto shorter = parse_history(shorten_history(text));
  CHECK(shorter.ended.size() == 4);
  CHECK(shorter.ended.back() == before.ended.back());
  CHECK(shorter.totals == before.totals);
  const auto again = parse_history(shorten_history(shorten_history(shorten_history(text))));
  CHECK(again.ended.size() == 1);
  CHECK(again.totals == before.totals);
}

TEST_CASE("a line that isn't whole is passed over", "[history]") {
  const auto good = format_ended(example(0));
  const auto text = cat(good.substr(0, 40), "\n", good, "{\"totals\":7}\n{\"id\":1}\nnull\n[[[[\n", good.substr(0, good.size() / 2));
  CHECK(parse_history(text).ended.size() == 1);
  CHECK(parse_history("").ended.empty());
}

TEST_CASE("the latest of a name is found, and the beginning of an id", "[history]") {
  std::string text;
  for (int i = 0; i < 5; ++i) text += format_ended(example(i));
  const auto history = parse_history(text);
  CHECK(find_ended(history, "id103")->id == "id103");
  CHECK(find_ended(history, history.ended[0].name)->id == "id104");
  CHECK(find_ended(history, "id1")->id == "id104");
  CHECK(find_ended(history, "i") == nullptr);
  CHECK(find_ended(history, "absent") == nullptr);
}
