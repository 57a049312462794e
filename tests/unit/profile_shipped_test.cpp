// The shipped profiles, from their files to the whole spec, against golden files.
#include <algorithm>

#include "catch.h"
#include "golden.h"
#include "profile/profile.h"
#include "profile_caller.h"
#include "spec/dump.h"
#include "spec/validate.h"

using namespace sbx;
using namespace sbx_test;

namespace {

// As load_profiles does, without its checks of files.
Profile shipped(const std::string& name) {
  const auto text = read_text(std::string(PROFILES) + "/" + name + ".toml");
  auto profile = parse_profile(text, name + ".toml");
  if (!profile) FAIL(format_error(profile.error()));
  Profile out;
  for (const auto& base : profile->extends) out = merge_profiles(std::move(out), shipped(base.value));
  return merge_profiles(std::move(out), *profile);
}

SandboxSpec lowered(const std::string& name) {
  auto spec = lower_profile(shipped(name), caller(), {"/bin/true"}, "id");
  if (!spec) FAIL(format_error(spec.error()));
  return *std::move(spec);
}

}  // namespace

TEST_CASE("the shipped profiles lower to what their golden files say") {
  for (const std::string name : {"base", "untrusted", "build", "shell", "service", "ci"}) {
    INFO(name);
    const auto spec = lowered(name);
    const auto valid = validate_run(spec);
    CHECK((valid ? "valid" : format_error(valid.error())) == "valid");
    check_golden("profile/" + name + ".json", dump_spec(spec));
  }
}

TEST_CASE("no shipped profile passes a bus, an agent, a token or the network") {
  for (const std::string name : {"base", "untrusted", "build", "shell", "service", "ci"}) {
    INFO(name);
    const auto spec = lowered(name);
    for (const auto& variable : spec.environment) {
      CHECK(variable.find("DBUS") == std::string::npos);
      CHECK(variable.find("SSH") == std::string::npos);
      CHECK(variable.find("SECRET") == std::string::npos);
    }
    CHECK(spec.network.mode == NetworkMode::none);
    CHECK(spec.namespaces == NamespacesSpec{});
    CHECK(spec.capabilities.empty());
    CHECK(spec.seccomp.default_deny);
    for (const char* never : {"ptrace", "@mount", "@module", "@debug", "keyctl", "@keyring", "@privileged", "bpf"})
      CHECK(std::ranges::find(spec.seccomp.allow, never) == spec.seccomp.allow.end());
  }
}

TEST_CASE("ci requires the limits that build may lose") {
  CHECK(std::ranges::count(lowered("build").accept, "memory") == 1);
  const auto ci = lowered("ci");
  for (const char* limit : {"memory", "cpu", "pids"}) {
    CHECK(std::ranges::count(ci.accept, limit) == 0);
    CHECK(std::ranges::count(ci.require, limit) == 1);
  }
}
