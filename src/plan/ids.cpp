// Who the payload is, inside and to the host (user_namespaces(7)).
#include <algorithm>

#include "base/text.h"
#include "plan/subjects.h"

namespace sbx {
namespace {

// One id of the caller's at its place inside, and the caller's subordinate ids around it from 0 on.
std::vector<IdMap> map_with_subids(std::uint32_t inside, std::uint32_t outside, const std::vector<SubidRange>& ranges) {
  std::vector<IdMap> maps{{inside, outside, 1}};
  std::uint64_t next = 0;
  constexpr std::uint64_t end = 0xffffffffU;  // (uid_t)-1 is no id
  for (const SubidRange& range : ranges) {
    std::uint32_t start = range.start;
    std::uint64_t left = range.count;
    while (left > 0 && next < end) {
      if (next == inside) ++next;
      std::uint64_t count = std::min<std::uint64_t>(left, end - next);
      if (next < inside) count = std::min<std::uint64_t>(count, inside - next);
      if (count == 0) break;
      maps.push_back({static_cast<std::uint32_t>(next), start, static_cast<std::uint32_t>(count)});
      next += count;
      start += static_cast<std::uint32_t>(count);
      left -= count;
    }
  }
  std::sort(maps.begin(), maps.end(), [](const IdMap& a, const IdMap& b) { return a.inside < b.inside; });
  return maps;
}

}  // namespace

std::uint32_t outside_uid(const SandboxSpec& spec, std::uint32_t caller) {
  return spec.namespaces.user ? caller : spec.identity.uid;
}

namespace {

Result<> plan_maps(const SandboxSpec& spec, const HostFacts& facts, IdPlan& ids) {
  ids.uid = spec.identity.uid;
  ids.gid = spec.identity.gid;
  if (!spec.namespaces.user) {
    if (!facts.privileged)
      return fail(Step::make_plan, ErrorKind::host, "namespaces.user = false needs root: without a user namespace of its own "
                  "an unprivileged caller can make no other namespace", "set namespaces.user = true, or run sbx as root");
    if (spec.identity.subids)
      return fail(Step::make_plan, ErrorKind::host, "identity.subids needs a user namespace", "set namespaces.user = true");
    ids.deny_setgroups = false;
    return {};
  }
  if (!spec.identity.subids) {
    // The caller alone is mapped, root too: no other id of the host exists inside, whatever the payload comes to be.
    ids.uid_map = {{ids.uid, facts.uid, 1}};
    ids.gid_map = {{ids.gid, facts.gid, 1}};
    return {};
  }
  for (const auto& [ranges, file, option] : {std::tuple{&facts.subuids, "/etc/subuid", "--add-subuids"},
                                             std::tuple{&facts.subgids, "/etc/subgid", "--add-subgids"}})
    if (ranges->empty())
      return fail(Step::make_plan, ErrorKind::host,
                  cat("identity.subids: ", file, " has no range for ",
                      facts.user_name.empty() ? cat("uid ", facts.uid) : facts.user_name),
                  cat("add one as root: usermod ", option, " 100000-165535 ",
                      facts.user_name.empty() ? "USER" : facts.user_name));
  ids.uid_map = map_with_subids(ids.uid, facts.uid, facts.subuids);
  ids.gid_map = map_with_subids(ids.gid, facts.gid, facts.subgids);
  ids.deny_setgroups = false;  // newgidmap decides
  ids.helpers = true;
  return {};
}

}  // namespace

Result<> plan_ids(const SandboxSpec& spec, const HostFacts& facts, LaunchPlan& plan) {
  SBX_TRY(plan_maps(spec, facts, plan.ids));
  // In another user namespace any id may be the host's root.
  plan.ids.maps_host_root = !spec.namespaces.user || !facts.initial_user_namespace ||
                            std::ranges::any_of(plan.ids.uid_map, [](const IdMap& map) { return map.outside == 0; });
  return {};
}

}  // namespace sbx
