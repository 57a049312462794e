// A caller as tests write it by hand.
#pragma once
#include "profile/profile.h"

namespace sbx_test {

inline sbx::CallerContext caller() {
  sbx::CallerContext out;
  out.uid = out.gid = 1000;
  out.user_name = "ann";
  out.home = "/home/ann";
  out.runtime_dir = "/run/user/1000";
  out.state_dir = "/home/ann/.local/state/sbx";
  out.cwd = "/home/ann/project";
  out.environment = {"HOME=/home/ann", "TERM=xterm", "LANG=C.UTF-8", "LC_TIME=de_DE.UTF-8", "SECRET_TOKEN=x",
                     "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus", "SSH_AUTH_SOCK=/tmp/agent"};
  return out;
}

inline sbx::Profile parsed(std::string_view text, const std::string& file = "test.toml") {
  auto profile = sbx::parse_profile(text, file);
  return profile ? *std::move(profile) : sbx::Profile{};
}

inline std::string parse_error(std::string_view text, const std::string& file = "test.toml") {
  const auto profile = sbx::parse_profile(text, file);
  return profile ? "no error" : sbx::format_error(profile.error());
}

inline std::string lower_error(const sbx::Profile& profile, const sbx::CallerContext& who = caller()) {
  const auto spec = sbx::lower_profile(profile, who, {"true"}, "id");
  return spec ? "no error" : sbx::format_error(spec.error());
}

}  // namespace sbx_test
