#include <sys/resource.h>

#include <algorithm>

#include "base/text.h"
#include "catch.h"
#include "profile/profile.h"
#include "profile_caller.h"
#include "spec/validate.h"

using namespace sbx;
using namespace sbx_test;

namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

SandboxSpec lowered(std::string_view text, const CallerContext& who = caller(), const std::vector<std::string>& argv = {"true"}) {
  const auto error = parse_error(text);
  if (error != "no error") FAIL(error);
  auto spec = lower_profile(parsed(text), who, argv, "id");
  if (!spec) FAIL(format_error(spec.error()));
  return *std::move(spec);
}
bool has(const SandboxSpec& spec, std::string_view variable) {
  return std::ranges::find(spec.environment, variable) != spec.environment.end();
}

}  // namespace

TEST_CASE("an empty profile means the strictest") {
  const auto spec = lowered("");
  CHECK(spec.filesystem.root == RootKind::empty);
  CHECK(spec.filesystem.home == HomeKind::none);
  CHECK(spec.filesystem.proc == ProcView::masked);
  CHECK(spec.filesystem.binds.empty());
  CHECK(spec.namespaces == NamespacesSpec{true, true, true, true, true, true, true, false, false});
  CHECK(spec.network.mode == NetworkMode::none);
  CHECK(spec.seccomp.default_deny);
  CHECK(spec.seccomp.allow.empty());
  CHECK(spec.capabilities.empty());
  CHECK(spec.landlock == LandlockMode::automatic);
  CHECK(spec.accept.empty());
  CHECK(spec.environment == std::vector<std::string>{"LOGNAME=ann", "PATH=/usr/local/bin:/usr/bin:/bin", "USER=ann"});
  CHECK(spec.identity == IdentitySpec{"sandbox", 1000, 1000, false});
  CHECK(validate_spec(spec).has_value());
  const auto valid = validate_run(spec);
  REQUIRE_FALSE(valid);
  CHECK(contains(format_error(valid.error()), "seccomp.allow is empty"));
}

TEST_CASE("paths expand ~, $HOME, $XDG_RUNTIME_DIR and $UID, and nothing else") {
  const auto spec = lowered("filesystem.read = [\"~\", \"~/a\", \"$HOME/b\", \"$XDG_RUNTIME_DIR/c\", \"/run/user/$UID/d\", \"e/../f\", \"/g/$OTHER\", \"/h/$HOMER\", \"/i/~\", \"$UID\", \"/j/$\"]\n");
  std::vector<std::string> paths;
  for (const auto& bind : spec.filesystem.binds) paths.push_back(bind.source);
  CHECK(paths == std::vector<std::string>{"/home/ann", "/home/ann/a", "/home/ann/b", "/run/user/1000/c", "/run/user/1000/d",
                                          "/home/ann/project/f", "/g/$OTHER", "/h/$HOMER", "/i/~", "/home/ann/project/1000", "/j/$"});
  // Not in values that are no paths.
  CHECK(has(lowered("environment.set = { A = \"$HOME\" }\n"), "A=$HOME"));
  CHECK(lowered("filesystem.symlink = [{ target = \"/a\", to = \"~/x\" }]\n").filesystem.symlinks.at(0).to == "~/x");
}

TEST_CASE("a path that can't be expanded names what is missing") {
  auto who = caller();
  who.home.clear();
  CHECK(contains(lower_error(parsed("filesystem.hide = [\"~/.ssh\"]\n"), who), "test.toml:1:20: filesystem.hide is \"~/.ssh\", but HOME is not set"));
  who.runtime_dir.clear();
  CHECK(contains(lower_error(parsed("filesystem.read = [\"$XDG_RUNTIME_DIR/x\"]\n"), who), "XDG_RUNTIME_DIR is not set"));
  who.cwd.clear();
  CHECK(contains(lower_error(parsed("command.workdir = \".\"\n"), who), "current directory that is gone"));
  CHECK(lower_error(parsed("filesystem.read = [\"/a\"]\nfilesystem.root = \"host\"\n"), who) == "no error");
  who.home = "relative";
  CHECK(contains(lower_error(parsed("filesystem.read = [\"~/x\"]\n"), who), "no absolute path"));
}

TEST_CASE("the home is at the caller's own path, unless that is the system's") {
  CHECK(lowered("filesystem.home = \"private\"\n").filesystem.home_path == "/home/ann");
  CHECK(has(lowered("filesystem.home = \"private\"\n"), "HOME=/home/ann"));
  CHECK(lowered("filesystem.home = \"private\"\nidentity.user = \"root\"\n").filesystem.home_path == "/home/ann");
  auto who = caller();
  for (const char* home : {"", "/", "/nonexistent", "/usr/sbin", "/bin", "relative"}) {
    who.home = home;
    INFO(home);
    CHECK(lowered("filesystem.home = \"private\"\n", who).filesystem.home_path == "/home/ann");
    CHECK(contains(lower_error(parsed("filesystem.home = \"host\"\n"), who), "filesystem.home is \"host\""));
  }
  who.user_name.clear();
  CHECK(lowered("filesystem.home = \"private\"\n", who).filesystem.home_path == "/home/user");
  const auto kept = lower_profile(parsed("filesystem.home = \"persistent\"\n", "a/../x y.toml"), caller(), {"true"}, "id");
  REQUIRE(kept);
  CHECK(kept->filesystem.home_source == "/home/ann/.local/state/sbx/homes/x%20y");
  const auto dots = lower_profile(parsed("filesystem.home = \"persistent\"\n", "...toml"), caller(), {"true"}, "id");
  CHECK(dots->filesystem.home_source == "/home/ann/.local/state/sbx/homes/%2e.");
}

TEST_CASE("the environment is what is listed, who the payload is, and what is set") {
  const auto spec = lowered("filesystem.home = \"private\"\n[environment]\npass = [\"LC_*\", \"TERM\"]\nset = { TERM = \"dumb\" }\n");
  CHECK(spec.environment == std::vector<std::string>{"HOME=/home/ann", "LC_TIME=de_DE.UTF-8", "LOGNAME=ann",
                                                     "PATH=/usr/local/bin:/usr/bin:/bin", "TERM=dumb", "USER=ann"});
  CHECK(has(lowered("environment.pass = [\"*\"]\n"), "SECRET_TOKEN=x"));
  CHECK_FALSE(has(lowered("environment.pass = [\"*\"]\n"), "HOME=/home/ann"));
  CHECK(has(lowered("environment.pass = [\"*_T*N\"]\n"), "SECRET_TOKEN=x"));
  CHECK_FALSE(has(lowered("environment.pass = [\"*\", \"!*\"]\n"), "SECRET_TOKEN=x"));
  CHECK(has(lowered("identity.user = \"root\"\n"), "USER=root"));
  CHECK(has(lowered("identity.user = \"root\"\n"), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  auto who = caller();
  who.environment = {"BASH_FUNC_ls%%=() { evil; }", "nothing", "=x", "A=1"};
  const auto odd = lowered("environment.pass = [\"*\"]\n", who);
  CHECK(has(odd, "A=1"));
  CHECK(odd.environment.size() == 4);
  Profile direct;
  direct.environment_set["A B"] = {"x", "command line -e"};
  CHECK(contains(lower_error(direct), "command line -e: environment.set.A B must be"));
}

TEST_CASE("limits become numbers") {
  const auto spec = lowered(
      "[cgroup]\nmemory.max = \"512M\"\nmemory.swap.max = 0\nmemory.high = \"max\"\ncpu.max = \"50%\"\npids.max = 7\ncpu.weight = 3\nio.weight = \"4\"\n"
      "[rlimits]\nnofile = \"10:20\"\ncore = \"unlimited\"\nas = \"1G\"\n[limits]\nwall_time = \"10min\"\ngrace = 0\n"
      "[systemd]\nscope = \"require\"\nproperties = { RuntimeMaxSec = 5, MemoryAccounting = true, Nice = \"1\" }\n");
  CHECK(spec.cgroup.memory_max == 512U << 20U);
  CHECK(spec.cgroup.memory_swap_max == 0U);
  CHECK(spec.cgroup.memory_high == UINT64_MAX);
  CHECK(spec.cgroup.cpu_quota_us == 50000U);
  CHECK(spec.cgroup.cpu_period_us == 100000U);
  CHECK(spec.cgroup.pids_max == 7U);
  CHECK(spec.cgroup.origins.at("pids.max") == "test.toml:6:12");
  REQUIRE(spec.rlimits.size() == 3);
  CHECK(spec.rlimits[0] == RlimitSpec{"as", RLIMIT_AS, 1U << 30U, 1U << 30U, "test.toml:12:6"});
  CHECK(spec.rlimits[1].hard == UINT64_MAX);
  CHECK(spec.rlimits[2].soft == 10);
  CHECK(spec.limits == LimitsSpec{600'000'000, 0});
  CHECK(spec.scope.mode == ScopeMode::require);
  CHECK(spec.scope.name == "sbx-test-id.scope");
  CHECK(spec.scope.properties == std::vector<std::pair<std::string, std::string>>{{"MemoryAccounting", "true"}, {"Nice", "1"}, {"RuntimeMaxSec", "5"}});
  CHECK(lowered("limits.wall_time = \"infinity\"\n").limits.wall_time_us == 0);
  for (const auto& [text, quota, period] : std::vector<std::tuple<std::string, std::uint64_t, std::uint64_t>>{
           {"200%", 200000, 100000}, {"12.5%", 12500, 100000}, {"50000 200000", 50000, 200000}, {"max", UINT64_MAX, 100000}}) {
    const auto cpu = lowered(cat("cgroup.cpu.max = \"", text, "\"\n")).cgroup;
    CHECK(cpu.cpu_quota_us == quota);
    CHECK(cpu.cpu_period_us == period);
  }
  for (const char* bad : {"0%", "0.5%", "%", "50", "50 %", "-1%", "50000 999", "50000 1000001", "50000 100000 1", "1e3%", "99999999%"})
    CHECK(contains(parse_error(cat("cgroup.cpu.max = \"", bad, "\"\n")), "must be a percentage"));
}

TEST_CASE("what is not built yet is refused, and what turns it off is not") {
  const auto refused = [](std::string_view text) {
    const auto spec = lower_profile(parsed(text), caller(), {"true"}, "id");
    return !spec && spec.error().kind == ErrorKind::unsupported ? format_error(spec.error()) : std::string("not refused");
  };
  CHECK(contains(refused("filesystem.overlay = [\"~/x\"]\n"), "filesystem.overlay is"));
  CHECK(contains(refused("desktop.x11 = true\n"), "desktop.x11 is"));
  CHECK(contains(refused("dbus.session.own = [\"a.b\"]\n"), "dbus.session.own is"));
  CHECK(contains(refused("dbus.session.talk = [\"a.b\"]\n"), "dbus.session.talk is"));
  CHECK(refused("desktop.x11 = false\n") == "not refused");
}

TEST_CASE("a path asked for as read and as write in one profile is an error") {
  CHECK(contains(lower_error(parsed("filesystem.read = [\"/a\"]\nfilesystem.write = [\"/a/\"]\n")), "/a is asked for both as read and as write"));
  CHECK(contains(lower_error(parsed("filesystem.read = [\"/a\"]\nfilesystem.bind = [{ source = \"/b\", target = \"/a\" }]\n")), "is to be both /a"));
  const auto spec = lowered("filesystem.read = [\"/a\"]\nfilesystem.bind = [{ source = \"/a\", exec = false, optional = true }]\n");
  REQUIRE(spec.filesystem.binds.size() == 1);
  CHECK_FALSE(spec.filesystem.binds[0].exec);
  CHECK_FALSE(spec.filesystem.binds[0].optional);
}

TEST_CASE("values that came from the command line are held against the same checks") {
  Profile profile;
  profile.hostname = {"bad name", "command line --hostname"};
  CHECK(contains(lower_error(profile), "command line --hostname: identity.hostname is \"bad name\", and must be 1 to 64 letters"));
  profile = {};
  profile.rlimits["nofiles"] = {"1", "command line --ulimit"};
  CHECK(contains(lower_error(profile), "did you mean rlimits.nofile?"));
  profile = {};
  profile.rlimits["nofile"] = {"2:1", "command line --ulimit"};
  CHECK(contains(lower_error(profile), "soft not above hard"));
  profile = {};
  profile.capabilities.push_back({"CAP_NOPE", "command line --cap-add"});
  CHECK(contains(lower_error(profile), "capabilities.keep is \"CAP_NOPE\""));
  profile = {};
  profile.cgroup["pids.max"] = {"0", "command line --pids-limit"};
  CHECK(contains(lower_error(profile), "cgroup.pids.max is \"0\""));
  profile = {};
  profile.capabilities = {{"net_admin", ""}, {"CAP_CHOWN", ""}, {"!CAP_NET_ADMIN", ""}};
  const auto spec = lower_profile(profile, caller(), {"true"}, "id");
  CHECK(spec->capabilities == std::vector<std::string>{"CAP_CHOWN"});
}

TEST_CASE("identity, namespaces and network follow from each other") {
  CHECK(lowered("network.mode = \"host\"\n").namespaces.net == false);
  CHECK(lowered("network.mode = \"host\"\nnamespaces.net = true\n").namespaces.net == true);
  CHECK(lowered("identity.user = 33\n").identity == IdentitySpec{"sandbox", 33, 33, false});
  CHECK(lowered("namespaces.uts = false\n").identity.hostname.empty());
  CHECK(lowered("namespaces.nested = true\n").namespaces.nested);
  CHECK(lowered("command.argv = [\"make\"]\n", caller(), {}).argv == std::vector<std::string>{"make"});
  CHECK(lowered("command.argv = [\"make\"]\n", caller(), {"a", "b"}).argv == std::vector<std::string>{"a", "b"});
  CHECK(lowered("filesystem.root = \"./rootfs\"\n").filesystem.root_directory == "/home/ann/project/rootfs");
}

TEST_CASE("a tmpfs has the mode of what it stands for") {
  const auto spec = lowered("filesystem.home = \"private\"\nfilesystem.tmpfs = [{ path = \"/tmp\", size = \"1M\" }, { path = \"/x\" }, { path = \"$XDG_RUNTIME_DIR\" }]\n");
  CHECK(spec.filesystem.tmpfs.at(0).mode == 01777);
  CHECK(spec.filesystem.tmpfs.at(0).size_bytes == 1U << 20U);
  CHECK(spec.filesystem.tmpfs.at(1).mode == 0755);
  CHECK(spec.filesystem.tmpfs.at(2).mode == 0700);
}

TEST_CASE("a unit's name holds no character that units don't") {
  const auto spec = lower_profile(parsed("", "a/../we ird/../n\xc3\xa4me.toml"), caller(), {"true"}, "x/y");
  CHECK(spec->scope.name == "sbx-n__me-x_y.scope");
}

TEST_CASE("what a key of its own requires is not lost because another profile accepts it") {
  const auto spec = lowered("systemd.scope = \"require\"\nlandlock.mode = \"require\"\nfallback.accept = [\"scope\", \"landlock\", \"io\"]\n");
  CHECK(spec.accept == std::vector<std::string>{"io"});
}
