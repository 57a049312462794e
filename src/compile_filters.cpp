// Compiles the seccomp filters of the shipped profiles, at install time: "compile_filters PROFILES FILTERS". A filter
// depends on its profile's [seccomp] alone, so that any caller serves to lower the rest.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"
#include "filter/cache.h"
#include "profile/profile.h"

namespace sbx {
namespace {

using Profiles = std::map<std::string, Profile>;

Result<Profiles> read_profiles(const std::filesystem::path& directory) {
  Profiles profiles;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".toml") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    SBX_ASSIGN(profiles[entry.path().stem().string()], parse_profile(text.str(), entry.path().string()));
  }
  return profiles;
}

// Shipped profiles name each other; load.cpp's checks of owners aren't for a tree that is being installed.
Result<Profile> with_ancestors(const Profiles& profiles, const std::string& name, std::set<std::string>& met) {
  const auto found = profiles.find(name);
  if (found == profiles.end())
    return fail(Step::read_profile, ErrorKind::profile, cat("no shipped profile is named \"", name, "\""));
  Profile merged;
  if (!met.insert(name).second) return merged;
  for (const auto& base : found->second.extends) {
    SBX_ASSIGN(const auto ancestor, with_ancestors(profiles, base.value, met));
    merged = merge_profiles(std::move(merged), ancestor);
  }
  return merge_profiles(std::move(merged), found->second);
}

Result<> compile_one(const Profiles& profiles, const std::string& name, const std::string& directory) {
  const CallerContext nobody{.uid = 65534,
                             .gid = 65534,
                             .user_name = "nobody",
                             .home = "/nonexistent",
                             .runtime_dir = "/run/user/65534",
                             .state_dir = "/nonexistent/state",
                             .cwd = "/nonexistent",
                             .environment = {}};
  std::set<std::string> met;
  SBX_ASSIGN(const auto profile, with_ancestors(profiles, name, met));
  SBX_ASSIGN(const auto spec, lower_profile(profile, nobody, {"true"}, "install"));
  SBX_ASSIGN(const auto filter, compile_filter(spec.seccomp, spec.namespaces.nested));
  keep_filter(directory, filter);
  const auto path = cat(directory, "/", filter.digest, ".bpf");
  // keep_filter is silent, as a cache has to be; an installation isn't.
  if (!std::filesystem::exists(path)) return fail(Step::compile_filter, ErrorKind::system, cat("cannot write ", path));
  std::printf("filter of %s: %s\n", name.c_str(), path.c_str());
  return {};
}

Result<> compile_all(const std::string& from, const std::string& to) {
  SBX_ASSIGN(const auto profiles, read_profiles(from));
  std::filesystem::create_directories(to);
  for (const auto& [name, profile] : profiles) SBX_TRY(compile_one(profiles, name, to));
  return {};
}

}  // namespace
}  // namespace sbx

int main(int count, char** arguments) {
  if (count != 3) return std::fputs("usage: compile_filters PROFILES FILTERS\n", stderr), 2;
  // meson sets DESTDIR for install scripts (packagers install below a directory of their own).
  const char* below = std::getenv("DESTDIR");
  const auto done = sbx::compile_all(arguments[1], sbx::cat(below != nullptr ? below : "", arguments[2]));
  if (!done) return std::fprintf(stderr, "%s\n", sbx::format_error(done.error()).c_str()), 1;
  return 0;
}
