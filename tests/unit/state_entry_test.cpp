#include "catch.h"
#include "state/details.h"
#include "state/entry.h"

using namespace sbx;

namespace {

SandboxEntry sample() {
  return {.id = "k3f9ab2c", .name = "web", .profiles = {"build", "mine"}, .command = {"make", "-j2", "a b\"c\n"}, .init = 4242,
          .launcher = 4240, .start_time = 123456, .pidfd_inode = 77, .pid_namespace = 4026531836, .boot_id = "b-o-o-t",
          .cgroup = "/user.slice/x.scope", .scope = "sbx-build-web.scope", .system_manager = true, .created_us = 1790000000000000};
}

std::string with(std::string_view from, std::string_view to) {
  auto text = format_entry(sample());
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("an entry of the registry comes back as it was written", "[state]") {
  const auto read = parse_entry(format_entry(sample()));
  REQUIRE(read);
  CHECK(*read == sample());
}

TEST_CASE("an entry that isn't whole is none", "[state]") {
  const auto text = format_entry(sample());
  for (std::size_t length = 0; length + 1 < text.size(); ++length) CHECK_FALSE(parse_entry(text.substr(0, length)));
  CHECK_FALSE(parse_entry(text + "{}"));
  CHECK_FALSE(parse_entry("[" + text + "]"));
  CHECK_FALSE(parse_entry(with("\"version\":1", "\"version\":2")));
}

TEST_CASE("an entry's fields are of their types and within their ranges", "[state]") {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"pid\":4242", "\"pid\":1"},
           {"\"pid\":4242", "\"pid\":0"},
           {"\"pid\":4242", "\"pid\":-1"},
           {"\"pid\":4242", "\"pid\":4242.5"},
           {"\"pid\":4242", "\"pid\":\"4242\""},
           {"\"pid\":4242", "\"pid\":4294971538"},  // 4242 in the lower half
           {"\"pid\":4242", "\"pid\":18446744073709551615"},
           {"\"pid\":4242", "\"pid\":99999999999999999999999"},
           {"\"launcher\":4240", "\"launcher\":0"},
           {"\"start_time\":123456", "\"start_time\":-5"},
           {"\"command\":[\"make\"", "\"command\":[5"},
           {"\"id\":\"k3f9ab2c\"", "\"id\":\"../../x\""},
           {"\"id\":\"k3f9ab2c\"", "\"id\":\"\""},
           {"\"cgroup\":\"/user", "\"cgroup\":\"user"},
           {"\"name\":\"web\"", "\"nome\":\"web\""}}) {
    INFO(to);
    CHECK_FALSE(parse_entry(with(from, to)));
  }
}

TEST_CASE("ids are eight of their digits", "[state]") {
  CHECK(is_sandbox_id("k3f9ab2c"));
  CHECK_FALSE(is_sandbox_id("k3f9ab2"));
  CHECK_FALSE(is_sandbox_id("k3f9ab2cc"));
  CHECK_FALSE(is_sandbox_id("k3f9/b2c"));
  CHECK_FALSE(is_sandbox_id("K3F9AB2C"));
}

TEST_CASE("a process' stat is read past whatever its name holds", "[state]") {
  const std::string rest = " S 77 1 1 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 987654 2 3 4";
  for (const auto* name : {"(sbx)", "(a) b) S 1 1)", "()"}) {
    const auto stat = parse_process_stat(std::string("4242 ") + name + rest);
    REQUIRE(stat);
    CHECK(stat->parent == 77);
    CHECK(stat->start_time == 987654);
    CHECK(stat->state == 'S');
  }
  CHECK_FALSE(parse_process_stat(""));
  CHECK_FALSE(parse_process_stat("4242 (sbx) S 77"));
}

TEST_CASE("a launch's details come back, bytes that are no UTF-8 included", "[state]") {
  LaunchPlan plan;
  plan.clone_flags = 0x7e020000;
  plan.ids.uid = 1000;
  plan.ids.uid_map = {{1000, 1000, 1}, {0, 100000, 65536}};
  plan.landlock.abi = 6;
  plan.landlock.deny_tcp = true;
  plan.landlock.rules = {{"/usr", false, true, false}, {"/w\xff", true, false, true}};
  plan.filter = {0, 1, 0xff, 0x80, 6, 0, 0, 0};
  plan.filter_digest = "abc";
  plan.kept_capabilities = 0x400;
  plan.rlimits = {{"nofile", 7, 100, UINT64_MAX, {}}};
  plan.argv = {"sh", "-c", "x\xfey"};
  plan.environment = {"A=\xc3\xa9", "B=\xc3"};
  plan.workdir = "/w\xff";
  plan.terminal = TerminalMode::none;
  plan.limits.wall_time_us = 5;
  plan.require = {"memory"};
  SandboxDetails details{.id = "k3f9ab2c", .spec = "{\"name\":\"web\"}", .plan = "a plan\n", .setup_time_us = 3};
  details.receipt = {{"memory", "a", "b", true}};
  details.losses = {{"cpu", "why", "way", "asked"}};
  const auto read = parse_details(format_details(details, plan));
  REQUIRE(read);
  CHECK(read->plan == "a plan\n");
  CHECK(read->spec.find("\"web\"") != std::string::npos);
  CHECK(read->receipt.at(0).enforced);
  CHECK(read->losses.at(0).asked == "asked");
  const auto& process = read->process;
  CHECK(process.clone_flags == plan.clone_flags);
  CHECK(process.ids.uid_map.at(1).count == 65536);
  CHECK(process.landlock.rules.at(1).path == "/w\xff");
  CHECK(process.landlock.rules.at(1).devices);
  CHECK(process.landlock.deny_tcp);
  CHECK(process.filter == plan.filter);
  CHECK(process.kept_capabilities == 0x400);
  CHECK(process.rlimits.at(0).hard == UINT64_MAX);
  CHECK(process.argv == plan.argv);
  CHECK(process.environment == plan.environment);
  CHECK(process.terminal == TerminalMode::none);
  CHECK(process.limits == plan.limits);
  CHECK(process.require == plan.require);
}

TEST_CASE("details that aren't whole are none", "[state]") {
  const auto text = format_details({.id = "k3f9ab2c", .spec = "{}", .plan = "p"}, LaunchPlan{});
  REQUIRE(parse_details(text));
  CHECK_FALSE(parse_details(text.substr(0, text.size() / 2)));
  CHECK_FALSE(parse_details("{}"));
  auto odd = text;
  odd.replace(odd.find("\"filter\":\"\""), 11, "\"filter\":\"0\"");
  CHECK_FALSE(parse_details(odd));
  auto wrong = text;
  wrong.replace(wrong.find("\"filter\":\"\""), 11, "\"filter\":\"0g\"");
  CHECK_FALSE(parse_details(wrong));
}
