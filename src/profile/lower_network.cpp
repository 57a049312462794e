// [network]: the mode, what may be reached, what stands open on the host.
#include "base/text.h"
#include "profile/fields.h"
#include "profile/lower_internal.h"
#include "spec/network_text.h"

namespace sbx {

Result<> lower_network(const Profile& profile, SandboxSpec& spec) {
  auto& out = spec.network;
  out.origin = profile.network_mode ? profile.network_mode->origin : "default";
  for (const auto mode : {NetworkMode::host, NetworkMode::private_nat, NetworkMode::filtered, NetworkMode::learn})
    if (profile.network_mode && profile.network_mode->value == network_mode_name(mode)) out.mode = mode;
  for (auto& item : settled(profile.network_allow)) out.allow.push_back(AllowSpec{std::move(item.value), std::move(item.origin)});
  for (auto& item : settled(profile.network_deny)) out.deny.push_back(AllowSpec{std::move(item.value), std::move(item.origin)});
  for (auto& item : settled(profile.publish)) {
    auto publish = parse_publish(item.value);
    if (!publish) return lower_error(item.origin, cat("network.publish: \"", item.value, "\" is no ADDRESS:HOSTPORT:PORT"));
    publish->origin = std::move(item.origin);
    out.publish.push_back(*std::move(publish));
  }
  // The host's network is the host's network namespace; a profile that says both is validate's to refuse.
  if (out.mode == NetworkMode::host && !profile.namespaces.contains("net")) spec.namespaces.net = false;
  return {};
}

}  // namespace sbx
