// What stands inside, by hand-written facts: order, mount points, layers, placeholders, hidden paths.
#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "catch.h"
#include "plan_support.h"

using namespace sbx;
using namespace sbx::test;

TEST_CASE("the host's root is the system alone, with links where the host has links", "[plan]") {
  const LaunchPlan plan = planned(plain_spec(), plain_host());
  CHECK(has<BindTree>(plan, "/usr"));
  CHECK(has<BindTree>(plan, "/etc"));
  CHECK(find<MakeSymlink>(plan, "/bin").to == "usr/bin");
  CHECK(has<BindTree>(plan, "/lib"));  // a directory on this host
  CHECK_FALSE(has<BindTree>(plan, "/home"));
  CHECK_FALSE(has<BindTree>(plan, "/sys"));
  CHECK(find<BindTree>(plan, "/usr").read_only);
  CHECK(find<MountTmpfs>(plan, "/tmp").mode == 01777);
  CHECK(find<MountTmpfs>(plan, "/home/u").mode == 0700);
  CHECK(find<BindTree>(plan, "/dev/null").allow_devices);
  CHECK(std::holds_alternative<SealReadOnly>(plan.mounts.back().operation));
}

TEST_CASE("parents are mounted before children", "[plan]") {
  SandboxSpec spec = plain_spec();
  spec.filesystem.binds = {bind("/home/u/proj", Access::write), bind("/data"), bind("/data/sub", Access::write)};
  HostFacts host = plain_host();
  add_directory(host, "/home/u/proj");
  add_directory(host, "/data");
  add_directory(host, "/data/sub");
  const LaunchPlan plan = planned(spec, host);
  CHECK(index_of<MountTmpfs>(plan, "/home/u") < index_of<BindTree>(plan, "/home/u/proj"));
  CHECK(index_of<BindTree>(plan, "/data") < index_of<BindTree>(plan, "/data/sub"));
  CHECK_FALSE(find<BindTree>(plan, "/data/sub").read_only);
}

TEST_CASE("the later of two binds at one target is taken", "[plan]") {
  SandboxSpec spec = plain_spec();
  spec.filesystem.binds = {bind("/data"), bind("/data", Access::write)};
  HostFacts host = plain_host();
  add_directory(host, "/data");
  const LaunchPlan plan = planned(spec, host);
  CHECK(count_if_target(plan, "/data") == 1);
  CHECK_FALSE(find<BindTree>(plan, "/data").read_only);
}

TEST_CASE("an absent source is an error that names it, unless it is optional", "[plan]") {
  SandboxSpec spec = plain_spec();
  spec.filesystem.binds = {bind("/gone")};
  const auto failed = make_plan(spec, plain_host());
  REQUIRE_FALSE(failed);
  CHECK(failed.error().what.find("/gone") != std::string::npos);
  spec.filesystem.binds[0].optional = true;
  CHECK_FALSE(has<BindTree>(planned(spec, plain_host()), "/gone"));
}

TEST_CASE("five thousand binds are planned in no time", "[plan]") {
  SandboxSpec spec = plain_spec();
  HostFacts host = plain_host();
  for (int i = 0; i < 5000; ++i) {
    const std::string path = cat("/data/a", i % 70, "/b", i);
    add_directory(host, path);
    spec.filesystem.binds.push_back(bind(path));
  }
  const auto before = std::chrono::steady_clock::now();
  const LaunchPlan plan = planned(spec, host);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(1));
  CHECK(plan.mounts.size() > 5000);
}
