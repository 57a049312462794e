// Help, as it is printed: the golden files show a reviewer what a change of the table comes to.
#include "catch.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "cli/help.h"

using namespace sbx;

namespace {

void check_golden(const std::string& name, const std::string& text) {
  const auto path = cat(TEST_DATA, "/help/", name, ".txt");
  if (std::getenv("SBX_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream kept;
  kept << file.rdbuf();
  INFO(path << " differs: look, and then set SBX_UPDATE_GOLDEN=1 to rewrite it");
  CHECK(kept.str() == text);
}

}  // namespace

TEST_CASE("the help of each command") {
  check_golden("sbx", overview());
  for (const auto& command : commands()) {
    std::string name(command.name);
    std::ranges::replace(name, ' ', '-');
    check_golden(name, help_text(command));
  }
}

TEST_CASE("help fits a terminal and ends in examples") {
  for (const auto& command : commands()) {
    const auto text = help_text(command);
    for (const auto line : split(text, '\n')) CHECK(line.size() <= 100);
    CHECK(text.find("\nExamples:\n  sbx ") != std::string::npos);
    CHECK(text.find("--help") != std::string::npos);
    CHECK(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c < 127); }));
  }
}

TEST_CASE("keys are found by the beginning of their name") {
  CHECK(keys_text("cgroup.memory").find("cgroup.memory.max") != std::string::npos);
  CHECK(keys_text("cgroup.memory").find("network.mode") == std::string::npos);
  CHECK(keys_text("no-such-key").empty());
}
