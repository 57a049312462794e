#include <set>

#include "base/text.h"
#include "catch.h"
#include "profile/fields.h"
#include "profile/keys.h"
#include "profile/profile.h"
#include "profile_caller.h"

using namespace sbx;
using namespace sbx_test;

namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// A value that the key takes.
std::string sample(std::string_view key, std::string_view type) {
  if (type == "boolean") return "true";
  if (type == "integer") return "100";
  if (type == "size") return "\"1M\"";
  if (type == "time") return "\"5s\"";
  if (type == "table") return "{ RuntimeMaxSec = \"10min\" }";
  if (type == "table of strings") return "{ CI = \"1\" }";
  if (type == "string or integer") return "0";
  if (type == "path") return "\"~/x\"";
  if (type == "list of paths") return "[\"/dev/x\", \"!./y\"]";
  if (type == "list of strings" && key.starts_with("dbus.")) return "[\"org.example.*\"]";
  if (type == "list of strings" && key.starts_with("fallback.")) return "[\"memory\"]";
  if (key == "capabilities.keep") return "[\"net_admin\"]";
  if (key == "network.publish") return "[\"127.0.0.1:8080:80\"]";
  if (type == "list of strings") return "[\"example\"]";
  if (key == "filesystem.tmpfs") return "[{ path = \"/tmp\", size = \"1M\" }]";
  if (key == "filesystem.bind") return "[{ source = \"/a\", target = \"/b\", access = \"write\", optional = true, exec = false }]";
  if (key == "filesystem.symlink") return "[{ target = \"/bin\", to = \"usr/bin\" }]";
  if (key == "filesystem.file") return "[{ path = \"/etc/motd\", content = \"x\" }]";
  if (key == "filesystem.home") return "\"none\"";
  if (key == "filesystem.proc") return "\"full\"";
  if (key == "network.mode") return "\"private\"";
  if (key == "seccomp.default") return "\"allow\"";
  if (key == "seccomp.errno") return "\"log\"";
  if (key == "systemd.slice") return "\"a.slice\"";
  if (key == "systemd.scope") return "\"none\"";
  if (key == "landlock.mode") return "\"off\"";
  if (key == "cgroup.cpu.max") return "\"50%\"";
  return "\"host\"";
}

}  // namespace

TEST_CASE("the table of keys and the parser know the same keys, in the same order") {
  std::vector<std::string_view> table;
  std::vector<std::string_view> parser;
  for (const auto& key : profile_keys()) table.push_back(key.name);
  for (const auto& field : profile_fields()) parser.push_back(field.key);
  CHECK(table == parser);
  CHECK(std::set(table.begin(), table.end()).size() == table.size());
}

TEST_CASE("each key of the table parses, and is kept, merged and printed") {
  for (const auto& key : profile_keys()) {
    const auto text = cat(key.name, " = ", sample(key.name, key.type), "\n");
    INFO(text);
    CHECK(parse_error(text) == "no error");
    const auto profile = parsed(text);
    CHECK_FALSE(key.meaning.empty());
    CHECK_FALSE(profile == parsed(""));
    CHECK(merge_profiles(parsed(""), profile) == profile);
    const auto printed = format_profile(profile);
    CHECK(format_profile(parsed(printed)).substr(0, key.name.size()) == key.name);
  }
}

TEST_CASE("the table of keys names every protection") {
  std::string all;
  for (const auto name : protection_names) all += cat(all.empty() ? "" : " ", name);
  for (const auto& key : profile_keys())
    if (key.name == "fallback.require") CHECK(key.values.starts_with(cat(all, ";")));
}

TEST_CASE("the contract's own example parses") {
  const auto profile = parsed(R"(
description = "Build the current directory, offline"
extends = ["base"]
[command]
argv = ["make", "-j2"]
workdir = "."
[filesystem]
root    = "host"
home    = "private"
read    = ["/opt/sdk"]
write   = ["."]
hide    = ["~/.ssh", ".env"]
tmpfs   = [{ path = "/tmp", size = "512M" }]
overlay = ["~/project"]
bind    = [{ source = "~/data", target = "/data", access = "read", optional = true, exec = false }]
symlink = [{ target = "/bin", to = "usr/bin" }]
file    = [{ path = "/etc/motd", content = "hello\n" }]
devices = ["/dev/dri"]
[namespaces]
user = true
mount = true
time = false
[identity]
hostname = "sandbox"
user  = "self"
subids = false
[network]
mode    = "none"
allow   = ["www.example.org:443", "*.example.net"]
publish = ["127.0.0.1:8080:80"]
[cgroup]
memory.max = "512M"
memory.high = "400M"
memory.swap.max = 0
cpu.max = "50%"
cpu.weight = 100
pids.max = 256
io.weight = 50
[systemd]
scope = "auto"
slice = "sbx.slice"
properties = { RuntimeMaxSec = "10min" }
[seccomp]
default = "deny"
allow = ["@system-service", "ptrace"]
deny  = ["@mount", "clone3"]
errno = "EPERM"
architectures = ["native"]
[capabilities]
keep = []
[landlock]
mode = "auto"
[rlimits]
nofile = 1024
[environment]
pass = ["LANG", "LC_*", "TERM"]
set  = { CI = "1" }
[limits]
wall_time = "10min"
grace = "5s"
[desktop]
wayland = true
x11 = false
[dbus.session]
talk = ["org.freedesktop.Notifications"]
own  = []
[fallback]
require = ["user", "seccomp"]
accept  = ["landlock"]
)",
                              "/etc/sbx/profiles/build.toml");
  CHECK(profile.name == "build");
  CHECK(profile.cgroup.at("memory.swap.max").value == "0");
  CHECK(profile.cgroup.at("memory.max").value == "512M");
  CHECK(profile.cgroup.at("memory.max").origin == "/etc/sbx/profiles/build.toml:32:14");
  CHECK(profile.filesystem.bind.at(0).value == ProfileBind{"~/data", "/data", Access::read, true, false});
  CHECK(profile.rlimits.at("nofile").value == "1024");
  CHECK(profile.argv->value == std::vector<std::string>{"make", "-j2"});
}

TEST_CASE("a dotted and a quoted name are one key") {
  CHECK(parsed("[cgroup]\n\"memory.max\" = \"1M\"\n").cgroup.at("memory.max").value == "1M");
  CHECK(parsed("[cgroup.memory]\nmax = 1048576\n").cgroup.at("memory.max").value == "1048576");
  CHECK(contains(parse_error("[cgroup]\n\"memory.max\" = 1\nmemory.max = 2\n"), "said twice"));
}

TEST_CASE("a wrong key, type or value gives file, line, column, key and what is allowed") {
  const auto line = [](std::string_view text) { return parse_error(text, "a/build.toml"); };
  CHECK(line("[cgroup]\nmemroy.max = 1\n") ==
        "cannot read the profile: a/build.toml:2:1: unknown key cgroup.memroy.max; did you mean cgroup.memory.max? [read-profile]");
  CHECK(contains(line("[filesytem]\nroot = \"host\"\n"), "a/build.toml:1:2: unknown table filesytem; did you mean filesystem?"));
  CHECK(contains(line("hostname = \"x\"\n"), "a/build.toml:1:1: unknown key hostname; did you mean identity.hostname?"));
  CHECK(contains(line("[filesystem]\n\n  read = \"/opt\"\n"), "a/build.toml:3:10: filesystem.read must be a list of strings, not a string"));
  CHECK(contains(line("filesystem = 1\n"), "filesystem must be a table, not an integer"));
  CHECK(contains(line("[network]\nmode = \"nonee\"\n"), "network.mode is \"nonee\", and must be one of none, host, private, filtered, learn (did you mean none?)"));
  CHECK(contains(line("[cgroup]\ncpu.weight = 10001\n"), "2:14: cgroup.cpu.weight is 10001, and must be a number from 1 to 10000"));
  CHECK(contains(line("[cgroup]\nmemory.max = -1\n"), "cgroup.memory.max is -1, and must be"));
  CHECK(contains(line("[cgroup]\nmemory.max = 1.5\n"), "must be a string or an integer, not a floating-point number"));
  CHECK(contains(line("[capabilities]\nkeep = [\"CAP_NET_ADMN\"]\n"), "did you mean CAP_NET_ADMIN?"));
  CHECK(contains(line("[fallback]\naccept = [\"memroy\"]\n"), "did you mean memory?"));
  CHECK(contains(line("[[filesystem.bind]]\nsorce = \"/a\"\n"), "unknown key filesystem.bind.sorce; did you mean source?"));
  CHECK(contains(line("filesystem.bind = [{ target = \"/a\" }]\n"), "filesystem.bind lacks the key source"));
  CHECK(contains(line("filesystem.bind = [\"/a\"]\n"), "to take an entry away"));
  CHECK(contains(line("environment.set = { \"A=B\" = \"x\" }\n"), "environment.set.A=B must be the name"));
  CHECK(contains(line("environment.set = { A = 1 }\n"), "environment.set.A must be a string, not an integer"));
  CHECK(contains(line("rlimits.nofile = \"10:5\"\n"), "soft not above hard"));
  CHECK(contains(line("description = \"\\u0000\"\n"), "NUL character"));
  CHECK(contains(line("namespaces.net = \"no\"\n"), "namespaces.net must be true or false, not a string"));
  // The first of several, by line and not by name.
  CHECK(contains(line("zzz = 1\naaa = 2\n"), ":1:1: unknown key zzz"));
}

TEST_CASE("a text that is no profile is told apart from a wrong one") {
  CHECK(contains(parse_error(std::string("a = 1\n\0x", 8)), "test.toml:2:1: a NUL byte"));
  CHECK(contains(parse_error("\xff\xfe" "a"), "UTF-16"));
  for (const char* bad : {"\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\x80"})
    CHECK(contains(parse_error(cat("description = \"", bad, "\"\n")), "test.toml:1:16: bytes that are no UTF-8"));
  CHECK(parse_error("description = \"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"\n") == "no error");
  // toml++ has undefined behaviour on some characters where it looks for the end of a bare value: it is given none.
  CHECK(contains(parse_error("filerea=8\"[d\xd1\xa1\",~\""), "no valid TOML"));
  const auto same = parse_profile("description = \"\xc3\xa4 \\\\ \xe2\x82\xac\xf0\x9f\x98\x80\" # \xc3\xa4\nextends = [\"\"\"\xd1\xa1\"\"\"]\n", "test.toml");
  REQUIRE(same);
  CHECK(same->description->value == "\xc3\xa4 \\ \xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(same->extends.at(0).value == "\xd1\xa1");
  CHECK(contains(parse_error("description = '\xc3\xa4'\n"), "test.toml:1:16: a character beyond ASCII in single quotes; use double quotes"));
  CHECK(contains(parse_error("description = \"\\\xc3\xa4\"\n"), "no such escape"));
  CHECK(contains(parse_error("# \xc3\xa4\n\xc3\xa4 = 1\n"), "test.toml:2:1: a character that may stand in a string or a comment alone"));
  CHECK(contains(parse_error("x = \xc3\xa4\n"), "test.toml:1:5: a character that"));
  CHECK(contains(parse_error("\"\xc3\xa4\" = 1\n"), "unknown key \xc3\xa4"));
  // toml++ 3.3 has assertions for these.
  for (const char* header : {"[(a]", "[\n", "[[(a]]", "[ ]", "[", "[["}) CHECK(contains(parse_error(cat("\n ", header)), "test.toml:2:2: a table's name is missing"));
  CHECK(contains(parse_error("a = \n"), "test.toml:1:5: no valid TOML"));
  CHECK(parse_error("\xef\xbb\xbf" "description = \"x\"\r\n") == "no error");
  CHECK(contains(parse_error("x = " + std::string(100000, '[')), "nested more than 32 levels deep"));
  CHECK(contains(parse_error("x = " + std::string(33, '[') + std::string(33, ']')), "nested more than"));
  std::string dotted = "a";
  for (int i = 0; i < 100000; ++i) dotted += ".a";
  CHECK(contains(parse_error(dotted + " = 1\n"), "nested more than"));
  CHECK(contains(parse_error("[" + dotted + "]\n"), "nested more than"));
  CHECK(contains(parse_error(std::string((1U << 20U) + 1, '#')), "larger than 1 MiB"));
  CHECK(parse_error(std::string(1U << 20U, '#')) == "no error");
  // Brackets and dots within strings and comments nest nothing.
  CHECK(parse_error("description = \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"\n# [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n") == "no error");
  CHECK(parse_error("description = '''\n" + std::string(50, '[') + "'''\n") == "no error");
  CHECK(parse_error("description = '" + std::string(50, '.') + "'\n") == "no error");
}

TEST_CASE("--set takes TOML, a bare string, or one item of a list") {
  const auto set = [](std::string_view text) {
    auto profile = parse_setting(text);
    if (!profile) FAIL(format_error(profile.error()));
    return *std::move(profile);
  };
  CHECK(set("cgroup.memory.max=100M").cgroup.at("memory.max").value == "100M");
  CHECK(set("cgroup.memory.max=100").cgroup.at("memory.max").origin == "command line --set cgroup.memory.max");
  CHECK(set("namespaces.net=false").namespaces.at("net").value == false);
  CHECK(set("filesystem.read=/opt").filesystem.read.at(0).value == "/opt");
  CHECK(set("filesystem.read=[\"/a\", \"!/b\"]").filesystem.read.size() == 2);
  CHECK(set("environment.set.N=1").environment_set.at("N").value == "1");
  CHECK(set("environment.set.N=a=\"b\"\n").environment_set.at("N").value == "a=\"b\"\n");
  CHECK(set("identity.hostname=1234").hostname->value == "1234");
  CHECK(set("description=").description->value.empty());
  CHECK(set("systemd.properties.RuntimeMaxSec=10min").properties.at("RuntimeMaxSec").value == "10min");
  // A newline adds no second key.
  CHECK(set("description=1\nnamespaces.net = false").namespaces.empty());
  const auto error = [](std::string_view text) {
    const auto profile = parse_setting(text);
    return profile ? "no error" : format_error(profile.error());
  };
  CHECK(contains(error("cgroup.memroy.max=1"), "command line --set cgroup.memroy.max: unknown key cgroup.memroy.max; did you mean cgroup.memory.max?"));
  CHECK(contains(error("cgroup.pids.max=-5"), "is -5, and must be a number from 1"));
  CHECK(contains(error("cgroup.pids.max=lots"), "is \"lots\", and must be a number from 1"));
  CHECK(contains(error("cgroup"), "names no key and value"));
  CHECK(contains(error("=1"), "names no key and value"));
  CHECK(contains(error("a b=1"), "names no key and value"));
  CHECK(contains(error("extends=base"), "--profile"));
}
