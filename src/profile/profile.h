// Profile: what TOML files and the command line said. Every field optional, each with where it was said; no defaults.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "spec/sandbox_spec.h"

namespace sbx {

template <typename T>
struct Said {
  T value;
  Origin origin;  // "build.toml:12:8" or "command line --rw"
  bool operator==(const Said&) const = default;
};
template <typename T>
using Maybe = std::optional<Said<T>>;
// Lists append when profiles merge; an item "!x" takes x away.
template <typename T>
using List = std::vector<Said<T>>;

struct ProfileBind { std::string source, target; Access access = Access::read; bool optional = false, exec = true; bool operator==(const ProfileBind&) const = default; };
struct ProfileTmpfs { std::string path, size; bool operator==(const ProfileTmpfs&) const = default; };
struct ProfileSymlink { std::string target, to; bool operator==(const ProfileSymlink&) const = default; };
struct ProfileFile { std::string path, content; bool operator==(const ProfileFile&) const = default; };

struct Profile {
  std::string name;         // "build", from the file's name
  Maybe<std::string> description;
  List<std::string> extends;
  Maybe<std::vector<std::string>> argv;
  Maybe<std::string> workdir;
  struct Filesystem {
    Maybe<std::string> root, home, proc;  // proc: masked | full | hidepid
    List<std::string> read, write, hide, overlay, devices;
    List<ProfileTmpfs> tmpfs;
    List<ProfileBind> bind;
    List<ProfileSymlink> symlink;
    List<ProfileFile> file;
    bool operator==(const Filesystem&) const = default;
  } filesystem;
  std::map<std::string, Said<bool>> namespaces;
  Maybe<std::string> hostname, user;   // user: "self", "root", "1000"
  Maybe<bool> subids;
  Maybe<std::string> network_mode;
  List<std::string> network_allow, network_deny, publish;
  std::map<std::string, Said<std::string>> cgroup;   // by file name; numbers as decimal text
  Maybe<std::string> scope, slice;
  std::map<std::string, Said<std::string>> properties;
  Maybe<std::string> seccomp_default, seccomp_errno;
  List<std::string> seccomp_allow, seccomp_deny, architectures;
  List<std::string> capabilities;
  Maybe<std::string> landlock;
  std::map<std::string, Said<std::string>> rlimits;  // "1024", "1024:4096", "unlimited"
  List<std::string> environment_pass;
  std::map<std::string, Said<std::string>> environment_set;
  Maybe<std::string> wall_time, grace;
  std::map<std::string, Said<bool>> desktop;
  List<std::string> dbus_talk, dbus_own;
  List<std::string> require, accept;
  bool operator==(const Profile&) const = default;
};

// The caller, as far as a profile may depend on it. Made by cli/caller.cpp; written by hand in tests.
struct CallerContext {
  std::uint32_t uid = 0, gid = 0;
  std::string user_name;     // empty: no passwd entry
  std::string home;          // empty: none
  std::string runtime_dir;   // $XDG_RUNTIME_DIR; empty: none
  std::string state_dir;     // $XDG_STATE_HOME/sbx or ~/.local/state/sbx: persistent homes live below
  std::string cwd;           // empty: deleted or unreachable
  std::vector<std::string> environment;  // "NAME=value"
};

// One file's text. `file_name` is for origins and the profile's name. Unknown keys, wrong types and values out of
// range fail with file, line, column, the key and the nearest valid one. At most 1 MiB, no NUL, nesting at most 32.
Result<Profile> parse_profile(std::string_view text, const std::string& file_name);
// The same for who wants to know of every error, from the top of the text: what could be read comes back.
Profile parse_profile(std::string_view text, const std::string& file_name, std::vector<Error>& errors);
// `later` over `earlier`: scalars and map entries replace, lists append, "!item" removes.
Profile merge_profiles(Profile earlier, const Profile& later);
// "cgroup.memory.max=100M" as --set takes it: a Profile with that one key. The value is TOML, or else a bare string.
Result<Profile> parse_setting(std::string_view assignment);
// Every value that was said, one a line: `cgroup.memory.max = "512M"  # ci.toml:12:14`. TOML that parses to the same.
std::string format_profile(const Profile& profile);
// Expands paths, fills in the defaults (the strictest), refuses what is not built yet (desktop, dbus, overlay,
// network filtered).
// `argv`: the command line's, replaces the profile's where not empty. `id` names the sandbox. With `errors` it goes on
// where a part of the profile is wrong, and the spec counts only where none was added.
Result<SandboxSpec> lower_profile(const Profile& profile, const CallerContext& caller, const std::vector<std::string>& argv,
                                  const std::string& id, std::vector<Error>* errors = nullptr);

}  // namespace sbx
