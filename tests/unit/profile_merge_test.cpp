#include <set>

#include "catch.h"
#include "golden.h"
#include "profile/fields.h"
#include "profile/profile.h"
#include "profile_caller.h"

using namespace sbx;
using namespace sbx_test;

namespace {

std::vector<std::string> values(const List<std::string>& list) {
  std::vector<std::string> out;
  for (const auto& item : settled(list)) out.push_back(item.value);
  return out;
}
using Words = std::vector<std::string>;
std::set<std::string> names(const List<std::string>& list) {
  const auto all = values(list);
  return {all.begin(), all.end()};
}

}  // namespace

TEST_CASE("later scalars and map entries replace, lists append, ! takes away") {
  const auto merged = merge_profiles(
      parsed("command.argv = [\"a\", \"b\"]\n[cgroup]\nmemory.max = 1\npids.max = 2\n[seccomp]\nallow = [\"@a\", \"@b\", \"@a\"]\n", "base.toml"),
      parsed("command.argv = [\"c\"]\n[cgroup]\nmemory.max = 3\n[seccomp]\nallow = [\"!@a\", \"@c\"]\n", "top.toml"));
  CHECK(merged.name == "top");
  CHECK(merged.argv->value == Words{"c"});
  CHECK(merged.cgroup.at("memory.max").value == "3");
  CHECK(merged.cgroup.at("memory.max").origin == "top.toml:3:14");
  CHECK(merged.cgroup.at("pids.max").origin == "base.toml:4:12");
  CHECK(values(merged.seccomp_allow) == Words{"@b", "@c"});
}

TEST_CASE("what a profile takes away, it takes from whatever it is merged over") {
  // As with --profile a --profile b, where b was itself merged from base and b.
  const auto b = merge_profiles(parsed("seccomp.allow = [\"base\"]\n"), parsed("seccomp.allow = [\"!x\", \"y\"]\n"));
  const auto merged = merge_profiles(parsed("seccomp.allow = [\"x\", \"z\"]\n"), b);
  CHECK(values(merged.seccomp_allow) == Words{"z", "base", "y"});
  // And what comes after stays.
  CHECK(values(merge_profiles(merged, parsed("seccomp.allow = [\"x\"]\n")).seccomp_allow) == Words{"z", "base", "y", "x"});
}

TEST_CASE("a later profile can narrow what an earlier one made writable, and accept what it required") {
  const auto merged = merge_profiles(parsed("filesystem.write = [\".\", \"/a\"]\nfallback.accept = [\"memory\"]\n"),
                                     parsed("filesystem.read = [\".\"]\nfallback.require = [\"memory\"]\n"));
  CHECK(values(merged.filesystem.write) == Words{"/a"});
  CHECK(values(merged.filesystem.read) == Words{"."});
  CHECK(values(merged.accept).empty());
  CHECK(values(merged.require) == Words{"memory"});
  const auto back = merge_profiles(merged, parsed("filesystem.write = [\".\"]\n"));
  CHECK(values(back.filesystem.write) == Words{"/a", "."});
  CHECK(values(back.filesystem.read).empty());
}

TEST_CASE("of two entries for one path the later holds, and ! takes one away") {
  const auto merged = merge_profiles(
      parsed("filesystem.tmpfs = [{ path = \"/tmp\", size = \"1M\" }, { path = \"/a\" }]\nfilesystem.bind = [{ source = \"/x\", target = \"/y\" }, { source = \"/z\" }]\n"),
      parsed("filesystem.tmpfs = [{ path = \"/tmp\", size = \"2M\" }]\nfilesystem.bind = [\"!/y\"]\n"));
  const auto tmpfs = settled_entries(merged.filesystem.tmpfs);
  REQUIRE(tmpfs.size() == 2);
  CHECK(tmpfs[1].value == ProfileTmpfs{"/tmp", "2M"});
  const auto binds = settled_entries(merged.filesystem.bind);
  REQUIRE(binds.size() == 1);
  CHECK(binds[0].value.target == "/z");
}

TEST_CASE("merging is associative, and with nothing it changes nothing") {
  const auto a = parsed("filesystem.read = [\"a\", \"!b\"]\nfilesystem.write = [\"c\"]\nlimits.grace = 1\n", "a.toml");
  const auto b = parsed("filesystem.read = [\"b\", \"!a\", \"c\"]\nfallback.accept = [\"io\"]\n", "b.toml");
  const auto c = parsed("filesystem.write = [\"b\", \"c\"]\nfallback.require = [\"io\"]\nlimits.grace = 2\n", "c.toml");
  const auto left = merge_profiles(merge_profiles(a, b), c);
  const auto right = merge_profiles(a, merge_profiles(b, c));
  CHECK(names(left.filesystem.read) == names(right.filesystem.read));
  CHECK(names(left.filesystem.write) == names(right.filesystem.write));
  CHECK(names(left.require) == names(right.require));
  CHECK(names(left.accept) == names(right.accept));
  CHECK(left.grace == right.grace);
  CHECK(merge_profiles(Profile{}, parsed("limits.grace = 1\n")) == parsed("limits.grace = 1\n"));
}

TEST_CASE("a merged profile prints as TOML that parses to the same values") {
  const auto build = parsed(read_text(std::string(PROFILES) + "/build.toml"), "build.toml");
  const auto text = format_profile(build);
  check_golden("profile/build.show.toml", text);
  const auto again = parsed(text);
  CHECK(again.filesystem.bind.size() == 2);
  CHECK(again.cgroup.at("cpu.max").value == "400%");
  CHECK(merge_profiles(Profile{}, build) == build);
}
