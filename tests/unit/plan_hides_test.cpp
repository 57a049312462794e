// Hidden paths: wherever they can be seen, absent ones too.
#include "catch.h"
#include "plan_support.h"

using namespace sbx;
using namespace sbx::test;

namespace {

// A host with a project and a key, both in the caller's home, and the home bound as `access`.
struct Home {
  HostFacts host = plain_host();
  SandboxSpec spec = plain_spec();
  explicit Home(Access access) {
    add_directory(host, "/home/u/.ssh");
    add_file(host, "/home/u/.ssh/id");
    add_directory(host, "/home/u/proj");
    spec.filesystem.binds = {bind("/home/u", access)};
  }
  void hide(const std::string& path) { spec.filesystem.hides.push_back({path, "test.toml:20"}); }
  LaunchPlan plan() const { return planned(spec, host); }
};

bool has_entry(const LaunchPlan& plan, const std::string& directory, const std::string& name, LayerEntry::Kind kind) {
  for (const LayerEntry& entry : find<LayerDirectory>(plan, directory).entries)
    if (entry.name == name && entry.kind == kind) return true;
  return false;
}

}  // namespace

TEST_CASE("a path that is there is covered after everything else is mounted", "[plan][hide]") {
  Home home(Access::read);
  home.hide("/home/u/.ssh");
  const LaunchPlan plan = home.plan();
  CHECK(find<HidePath>(plan, "/home/u/.ssh").directory);
  CHECK(index_of<HidePath>(plan, "/home/u/.ssh") > index_of<BindTree>(plan, "/usr"));
  CHECK(index_of<HidePath>(plan, "/home/u/.ssh") > index_of<BindTree>(plan, "/home/u"));
  CHECK(find<HidePath>(plan, "/home/u/.ssh").ino != 0);
  // Below a layer of overlayfs it has other numbers than the host's.
  home.hide("/home/u/.gnupg");
  REQUIRE(has<LayerDirectory>(home.plan(), "/home/u"));
  CHECK(find<HidePath>(home.plan(), "/home/u/.ssh").ino == 0);
}

TEST_CASE("a hidden path is hidden in each bind that shows it", "[plan][hide]") {
  Home home(Access::read);
  home.spec.filesystem.binds.push_back(bind("/home/u", Access::write, "/data"));
  home.spec.filesystem.binds.push_back(bind("/home", Access::read, "/all"));
  home.hide("/home/u/.ssh");
  const LaunchPlan plan = home.plan();
  CHECK(has<HidePath>(plan, "/home/u/.ssh"));
  CHECK(has<HidePath>(plan, "/data/.ssh"));
  CHECK(has<HidePath>(plan, "/all/u/.ssh"));
}

TEST_CASE("a hidden path behind a symlink is covered where it is", "[plan][hide]") {
  Home home(Access::read);
  add_link(home.host, "/home/u/keys", ".ssh", FileKind::directory, "/home/u/.ssh");
  home.hide("/home/u/keys/id");
  const LaunchPlan plan = home.plan();
  CHECK(has<HidePath>(plan, "/home/u/.ssh/id"));
}

TEST_CASE("a hidden path named by a symlink outside of the sandbox is covered where it is seen", "[plan][hide]") {
  Home home(Access::write);
  home.spec.filesystem.binds = {bind("/home/u/proj", Access::write)};
  add_link(home.host, "/home/u/alias", "proj", FileKind::directory, "/home/u/proj");
  home.host.paths["/home/u/alias/.env"] = {.kind = FileKind::regular, .real_path = "/home/u/proj/.env", .dev = 1, .ino = 4711, .errno_value = 0};
  home.host.paths["/home/u/proj/.env"] = home.host.paths["/home/u/alias/.env"];
  home.hide("/home/u/alias/.env");
  home.hide("/home/u/alias/absent");
  const LaunchPlan plan = home.plan();
  CHECK(has<HidePath>(plan, "/home/u/proj/.env"));
  REQUIRE(plan.placeholders.size() == 1);
  CHECK(plan.placeholders[0].path == "/home/u/proj/absent");
}

TEST_CASE("a loop of symlinks is an error that names the path", "[plan][hide]") {
  Home home(Access::read);
  home.host.links["/home/u/a"] = "b";
  home.host.links["/home/u/b"] = "a";
  home.hide("/home/u/a");
  const auto plan = make_plan(home.spec, home.host);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().what.find("/home/u/a") != std::string::npos);
}

TEST_CASE("an absent path stays absent in a read-only tree", "[plan][hide]") {
  Home home(Access::read);
  home.hide("/home/u/.gnupg");
  home.hide("/home/u/deep/er/secret");
  const LaunchPlan plan = home.plan();
  CHECK(has_entry(plan, "/home/u", ".gnupg", LayerEntry::Kind::whiteout));
  CHECK(has_entry(plan, "/home/u", "deep", LayerEntry::Kind::whiteout));
  CHECK(plan.placeholders.empty());
  CHECK(index_of<LayerDirectory>(plan, "/home/u") > index_of<BindTree>(plan, "/home/u"));
}

TEST_CASE("an absent path in a tree that can be written is covered by a placeholder", "[plan][hide]") {
  Home home(Access::write);
  home.hide("/home/u/proj/sub/.env");
  const LaunchPlan plan = home.plan();
  REQUIRE(plan.placeholders.size() == 2);
  CHECK(plan.placeholders[0].path == "/home/u/proj/sub");
  CHECK(plan.placeholders[0].directory);
  CHECK(plan.placeholders[1].path == "/home/u/proj/sub/.env");
  CHECK_FALSE(plan.placeholders[1].directory);
  CHECK(has<HidePath>(plan, "/home/u/proj/sub/.env"));
}

TEST_CASE("what was asked for below a hidden directory stays, and nothing else of it", "[plan][hide]") {
  Home home(Access::read);
  add_file(home.host, "/home/u/.ssh/known_hosts");
  home.spec.filesystem.binds.push_back(bind("/home/u/.ssh/known_hosts"));
  home.hide("/home/u/.ssh");
  const LaunchPlan plan = home.plan();
  CHECK_FALSE(has<HidePath>(plan, "/home/u/.ssh"));
  CHECK(index_of<MountTmpfs>(plan, "/home/u/.ssh") < index_of<BindTree>(plan, "/home/u/.ssh/known_hosts"));
  CHECK(has<SealReadOnly>(plan, "/home/u/.ssh"));
}

TEST_CASE("a path in a private home needs no cover", "[plan][hide]") {
  Home home(Access::read);
  home.spec.filesystem.binds.clear();
  home.hide("/home/u/.ssh");
  const LaunchPlan plan = home.plan();
  CHECK_FALSE(has<HidePath>(plan, "/home/u/.ssh"));
  CHECK(plan.placeholders.empty());
}

TEST_CASE("a path that the caller can't reach goes with the directory that is shut", "[plan][hide]") {
  Home home(Access::write);
  add_directory(home.host, "/home/u/shut");
  home.host.paths["/home/u/shut/key"].errno_value = 13;
  home.hide("/home/u/shut/key");
  CHECK(find<HidePath>(home.plan(), "/home/u/shut").directory);
}

TEST_CASE("sbx's own directories are out of reach where the payload can write around them", "[plan][hide]") {
  Home home(Access::write);
  add_directory(home.host, "/home/u/.config");
  add_directory(home.host, "/home/u/.config/sbx");
  add_directory(home.host, "/home/u/.cache");
  home.host.own_directories = {"/home/u/.config/sbx", "/home/u/.cache/sbx"};
  CHECK(host_questions(home.spec).own_directories);
  const LaunchPlan plan = home.plan();
  CHECK(find<HidePath>(plan, "/home/u/.config/sbx").directory);
  CHECK(find<HidePath>(plan, "/home/u/.cache/sbx").directory);
  REQUIRE(plan.placeholders.size() == 1);
  CHECK(plan.placeholders[0].path == "/home/u/.cache/sbx");
  CHECK(plan.placeholders[0].directory);
  // Nor can it move a parent away and make another.
  CHECK_FALSE(find<BindTree>(plan, "/home/u/.config").read_only);
  CHECK(has<BindTree>(plan, "/home/u/.cache"));
  home.host.paths.erase("/home/u/.cache");
  const LaunchPlan absent = home.plan();
  REQUIRE(absent.placeholders.size() == 2);
  CHECK(absent.placeholders[0].path == "/home/u/.cache");
  CHECK(absent.placeholders[1].path == "/home/u/.cache/sbx");
  // To read them is no harm, and a home kept below them is bound by name.
  Home reader(Access::read);
  reader.host.own_directories = home.host.own_directories;
  CHECK_FALSE(has<HidePath>(reader.plan(), "/home/u/.config/sbx"));
  CHECK_FALSE(host_questions(reader.spec).own_directories);
}

TEST_CASE("the registry of sandboxes is out of reach of whoever sees its parents", "[plan][hide]") {
  for (const Access access : {Access::read, Access::write}) {
    Home home(access);
    add_directory(home.host, "/home/u/run");
    add_directory(home.host, "/home/u/run/sbx");
    home.host.runtime_directories = {"/home/u/run/sbx"};
    CHECK(host_questions(home.spec).runtime_directories);
    const LaunchPlan plan = home.plan();
    CHECK(find<HidePath>(plan, "/home/u/run/sbx").directory);
    // Nor can it move a parent away and make another.
    CHECK(has<BindTree>(plan, "/home/u/run") == (access == Access::write));
  }
}

TEST_CASE("what is read-only within a writable tree can't be moved away with its parents", "[plan][hide]") {
  Home home(Access::write);
  add_directory(home.host, "/home/u/proj/.git");
  add_directory(home.host, "/home/u/proj/.git/hooks");
  home.spec.filesystem.binds = {bind("/home/u/proj", Access::write), bind("/home/u/proj/.git/hooks")};
  const LaunchPlan plan = home.plan();
  CHECK_FALSE(find<BindTree>(plan, "/home/u/proj/.git").read_only);
  CHECK(index_of<BindTree>(plan, "/home/u/proj/.git") < index_of<BindTree>(plan, "/home/u/proj/.git/hooks"));
  CHECK(count_if_target(plan, "/home/u/proj") == 1);
  // In a read-only tree there is nothing to move.
  home.spec.filesystem.binds[0].access = Access::read;
  CHECK_FALSE(has<BindTree>(home.plan(), "/home/u/proj/.git"));
}

TEST_CASE("a payload that is root sees nothing that root alone can read", "[plan][hide]") {
  HostFacts host = plain_host();
  host.uid = host.gid = 0;
  host.privileged = true;
  add_file(host, "/etc/shadow");
  host.private_paths = {"/etc/shadow"};
  SandboxSpec spec = plain_spec();
  CHECK(has<HidePath>(planned(spec, host), "/etc/shadow"));
  CHECK_FALSE(has<BindTree>(planned(spec, host), "/opt"));
  spec.filesystem.binds.push_back(bind("/etc", Access::read, "/mnt/etc"));
  CHECK(has<HidePath>(planned(spec, host), "/mnt/etc/shadow"));
  // Asked for by name.
  spec.filesystem.binds = {bind("/etc/shadow")};
  CHECK_FALSE(has<HidePath>(planned(spec, host), "/etc/shadow"));
  // Somebody else on the host, so that file modes hold.
  spec.filesystem.binds.clear();
  spec.namespaces.user = false;
  CHECK_FALSE(has<HidePath>(planned(spec, host), "/etc/shadow"));
}

TEST_CASE("where overlayfs can't take a directory it is put together from its names", "[plan][hide]") {
  Home home(Access::read);
  home.hide("/home/u/.gnupg");
  home.host.mount_points = {"/", "/home/u/.cache/doc", "/home/u/.cache/doc/sub"};
  CHECK_FALSE(make_plan(home.spec, home.host));  // its names aren't known
  HostQuestions questions;
  static_cast<void>(make_plan(home.spec, home.host, &questions));
  CHECK(questions.listings == std::vector<std::string>{"/home/u"});
  home.host.listings["/home/u"] = {{".cache", FileKind::directory, ""}, {".ssh", FileKind::directory, ""}, {"l", FileKind::symlink, "x"}};
  const LaunchPlan plan = home.plan();
  CHECK_FALSE(has<LayerDirectory>(plan, "/home/u"));
  CHECK(index_of<BindTree>(plan, "/home/u") < index_of<MountTmpfs>(plan, "/home/u"));
  CHECK(index_of<MountTmpfs>(plan, "/home/u") < index_of<BindTree>(plan, "/home/u/.cache"));
  CHECK(find<MakeSymlink>(plan, "/home/u/l").to == "x");
  CHECK(has<SealReadOnly>(plan, "/home/u"));
  // Without a user namespace nothing is locked.
  home.spec.namespaces.user = false;
  home.host.privileged = true;
  CHECK(find<LayerDirectory>(home.plan(), "/home/u").submounts == std::vector<std::string>{".cache/doc"});
}
