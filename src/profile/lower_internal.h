// The parts of lower_profile, one a subject.
#pragma once
#include "profile/profile.h"

namespace sbx {

inline std::unexpected<Error> lower_error(const Origin& origin, std::string_view what, std::string hint = {}) {
  return fail(Step::lower_profile, ErrorKind::profile, origin.empty() ? std::string(what) : origin + ": " + std::string(what),
              std::move(hint));
}

// ~ at the start, $HOME, $XDG_RUNTIME_DIR and $UID; then made absolute against the working directory and normalized
// (by text: a ".." behind a symlink means the link's own parent).
Result<std::string> expand_path(const std::string& path, std::string_view key, const Origin& origin,
                                const CallerContext& caller);

Result<> lower_filesystem(const Profile& profile, const CallerContext& caller, SandboxSpec& spec);
Result<> lower_environment(const Profile& profile, const CallerContext& caller, SandboxSpec& spec);
Result<> lower_cgroup(const Profile& profile, SandboxSpec& spec);
Result<> lower_rlimits(const Profile& profile, SandboxSpec& spec);
Result<> lower_limits(const Profile& profile, SandboxSpec& spec);
Result<> lower_network(const Profile& profile, SandboxSpec& spec);
void lower_scope(const Profile& profile, const std::string& id, SandboxSpec& spec);

}  // namespace sbx
