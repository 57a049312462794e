#include <functional>

#include "base/text.h"
#include "catch.h"
#include "golden.h"
#include "profile/profile.h"
#include "profile_caller.h"
#include "spec/capability_names.h"
#include "spec/dump.h"
#include "spec/validate.h"

using namespace sbx;
using namespace sbx_test;

namespace {

SandboxSpec good() {
  SandboxSpec spec;
  spec.argv = {"true"};
  spec.seccomp.allow = {"@system-service"};
  spec.filesystem.root = RootKind::host;
  return spec;
}
std::string verdict(const SandboxSpec& spec) {
  const auto valid = validate_run(spec);
  return valid ? "valid" : format_error(valid.error());
}
std::string after(const std::function<void(SandboxSpec&)>& change) {
  auto spec = good();
  change(spec);
  return verdict(spec);
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
BindSpec bind(std::string source, std::string target) {
  return {std::move(source), std::move(target), Access::read, true, false, "x.toml:1:1"};
}

}  // namespace

TEST_CASE("contradictions of a spec are found before anything is made") {
  CHECK(verdict(good()) == "valid");
  const std::vector<std::pair<std::string, std::function<void(SandboxSpec&)>>> cases = {
      {"no command to run", [](auto& s) { s.argv.clear(); }},
      {"namespaces.mount is false", [](auto& s) { s.namespaces.mount = false; }},
      {"namespaces.uts is false", [](auto& s) { s.namespaces.uts = false; }},
      {"identity.subids is true", [](auto& s) { s.identity.subids = true, s.namespaces.user = false; }},
      {"namespaces.nested is true", [](auto& s) { s.namespaces.nested = true, s.namespaces.user = false; }},
      {"the host's network would be reachable", [](auto& s) { s.namespaces.net = false; }},
      {"network.mode is \"host\", but", [](auto& s) { s.network.mode = NetworkMode::host; }},
      {"seccomp.allow is empty", [](auto& s) { s.seccomp.allow.clear(); }},
      {"seccomp.allow means nothing", [](auto& s) { s.seccomp.default_deny = false; }},
      {"which is no protection; did you mean memory?", [](auto& s) { s.accept = {"memroy"}; }},
      {"both requires io and accepts", [](auto& s) { s.accept = s.require = {"io"}; }},
      {"fallback.require lists pid", [](auto& s) { s.namespaces.pid = false, s.require = {"pid"}; }},
      {"landlock.mode is \"off\"", [](auto& s) { s.landlock = LandlockMode::off, s.require = {"landlock"}; }},
      {"landlock.mode is \"require\"", [](auto& s) { s.landlock = LandlockMode::require, s.accept = {"landlock"}; }},
      {"systemd.scope is \"require\"", [](auto& s) { s.scope.mode = ScopeMode::require, s.accept = {"scope"}; }},
      {"systemd.scope is \"none\"", [](auto& s) { s.scope.mode = ScopeMode::none, s.require = {"scope"}; }},
      {"there is no CAP_X", [](auto& s) { s.capabilities = {"CAP_X"}; }},
      {"whole root directory can't be bound", [](auto& s) { s.filesystem.binds = {bind("/", "/")}; }},
      {"whole root directory can't be bound", [](auto& s) { s.filesystem.binds = {bind("/", "/host")}; }},
      {"host's /proc", [](auto& s) { s.filesystem.binds = {bind("/proc/1", "/x")}; }},
      {"lies in /proc", [](auto& s) { s.filesystem.binds = {bind("/x", "/proc/sys")}; }},
      {"can't be /dev", [](auto& s) { s.filesystem.binds = {bind("/x", "/dev")}; }},
      {"no absolute and normalized path", [](auto& s) { s.filesystem.binds = {bind("/x", "y")}; }},
      {"no absolute and normalized path", [](auto& s) { s.filesystem.binds = {bind("/x/../y", "/y")}; }},
      {"bound twice", [](auto& s) { s.filesystem.binds = {bind("/x", "/y"), bind("/z", "/y")}; }},
      {"hide can't be the root", [](auto& s) { s.filesystem.hides = {{"/", ""}}; }},
      {"/a/b is asked for, and /a is hidden", [](auto& s) { s.filesystem.binds = {bind("/a/b", "/a/b")}, s.filesystem.hides = {{"/a", ""}}; }},
      {"the tmpfs can't be the root", [](auto& s) { s.filesystem.tmpfs = {{"/", 0, 0755, ""}}; }},
      {"two different things", [](auto& s) { s.filesystem.tmpfs = {{"/a", 0, 0755, ""}}, s.filesystem.files = {{"/a", "", ""}}; }},
      {"the device /etc/x doesn't lie below /dev", [](auto& s) { s.filesystem.devices = {{"/etc/x", ""}}; }},
      {"can't be the host's /", [](auto& s) { s.filesystem.root = RootKind::directory, s.filesystem.root_directory = "/"; }},
      {"the home can't be the root", [](auto& s) { s.filesystem.home = HomeKind::private_tmpfs, s.filesystem.home_path = "/"; }},
      {"is the home directory", [](auto& s) { s.filesystem.home = HomeKind::private_tmpfs, s.filesystem.home_path = "/h", s.filesystem.binds = {bind("/h", "/h")}; }},
      {"no absolute path", [](auto& s) { s.workdir = "x"; }},
      {"which is no NAME=value", [](auto& s) { s.environment = {"=x"}; }},
      {"NUL", [](auto& s) { s.argv.push_back(std::string("a\0b", 3)); }},
      {"soft limit is above", [](auto& s) { s.rlimits = {{"nofile", 7, 2, 1, ""}}; }},
      {"memory.max is 0", [](auto& s) { s.cgroup.memory_max = 0; }},
  };
  for (const auto& [part, change] : cases) {
    INFO(part << " | " << after(change));
    CHECK(contains(after(change), part));
  }
  CHECK(after([](auto& s) { s.filesystem.home = HomeKind::private_tmpfs, s.filesystem.home_path = "/h", s.filesystem.binds = {bind("/h/x", "/h/x")}; }) == "valid");
  CHECK(after([](auto& s) { s.filesystem.binds = {bind("/a", "/a")}, s.filesystem.hides = {{"/a/b", ""}, {"/ab", ""}}; }) == "valid");
}

TEST_CASE("capabilities have one spelling") {
  CHECK(canonical_capability("net_admin") == "CAP_NET_ADMIN");
  CHECK(canonical_capability("CAP_NET_ADMIN") == "CAP_NET_ADMIN");
  CHECK(canonical_capability("cap_Net_Admin") == "CAP_NET_ADMIN");
  CHECK(canonical_capability("").empty());
  CHECK(canonical_capability("CAP_").empty());
  CHECK(capability_names.size() == 41);
}

TEST_CASE("the difference of two dumps is told by value") {
  auto before = good();
  auto changed = good();
  before.cgroup.memory_max = 1;
  changed.cgroup.memory_max = UINT64_MAX;
  before.seccomp.allow = {"@a", "@b"};
  changed.seccomp.allow = {"@b", "@c"};
  before.filesystem.binds = {bind("/a", "/a")};
  changed.filesystem.binds = {bind("/a", "/a")};
  changed.filesystem.binds[0].origin = "elsewhere";
  CHECK(diff_dumps(dump_spec(before), dump_spec(before)).empty());
  CHECK(diff_dumps(dump_spec(before), dump_spec(changed)) ==
        "- cgroup.memory.max = 1\n+ cgroup.memory.max = \"max\"\n- seccomp.allow = \"@a\"\n+ seccomp.allow = \"@c\"\n");
  CHECK_FALSE(diff_dumps("no json", "{}").size() > 1000);
}

TEST_CASE("a dump holds every part of a spec, and bytes that are no text") {
  auto spec = good();
  spec.filesystem.hides = {{"/\xff", "x"}};
  CHECK(contains(dump_spec(spec), "\"path\": \"/\xef\xbf\xbd\""));
  check_golden("spec/empty.json", dump_spec(SandboxSpec{}));
}
