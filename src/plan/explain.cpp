// The plan for people: one line an operation, with where it was asked for.
#include <sched.h>

#include <algorithm>
#include <array>
#include <variant>

#include "base/text.h"
#include "plan/make_plan.h"
#include "spec/capability_names.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace sbx {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

std::string octal(std::uint32_t mode) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + (mode & 7U)));
    mode >>= 3U;
  } while (mode != 0);
  return cat("0", digits);
}

class Lines {
 public:
  // "word   what   (origin)", in columns where the words are short enough.
  void add(std::string_view word, std::string_view what, std::string_view origin = {}) {
    constexpr std::size_t word_width = 12, what_width = 64;
    std::string line = cat(word, std::string(word.size() < word_width ? word_width - word.size() : 1, ' '),
                           escape_control(what));
    if (!origin.empty()) {
      const std::size_t used = line.size() - word_width;
      line += cat(std::string(used < what_width ? what_width - used : 1, ' '), " [", escape_control(origin), "]");
    }
    text_ += cat(line, "\n");
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void explain_filter(const FilteredNetwork& filtered, Lines& lines) {
  lines.add("network", filtered.learn ? "everything, to learn what is used" : filtered.allow.empty() ? "filtered: nothing is allowed" : "filtered: what is allowed, by name and address");
  for (const AllowSpec& rule : filtered.allow) lines.add("allow", rule.text, rule.origin);
  for (const AllowSpec& rule : filtered.deny) lines.add("deny", rule.text, rule.origin);
}

void explain_namespaces(const LaunchPlan& plan, Lines& lines) {
  constexpr std::array<std::pair<std::uint64_t, const char*>, 7> names{{{CLONE_NEWUSER, "user"},
                                                                        {CLONE_NEWNS, "mount"},
                                                                        {CLONE_NEWPID, "pid"},
                                                                        {CLONE_NEWNET, "net"},
                                                                        {CLONE_NEWIPC, "ipc"},
                                                                        {CLONE_NEWUTS, "uts"},
                                                                        {CLONE_NEWTIME, "time"}}};
  std::vector<std::string> fresh, shared;
  for (const auto& [flag, name] : names) {
    const bool is_new = (plan.clone_flags & flag) != 0;
    if (is_new || flag != CLONE_NEWTIME) (is_new ? fresh : shared).emplace_back(name);
  }
  (plan.unshare_cgroup ? fresh : shared).emplace_back("cgroup");
  lines.add("namespaces", cat("new: ", join(fresh, " "), shared.empty() ? "" : cat("; the caller's: ", join(shared, " "))));
  if (!plan.hostname.empty()) lines.add("hostname", plan.hostname);
  if (const auto* filtered = std::get_if<FilteredNetwork>(&plan.network)) explain_filter(*filtered, lines);
  else if (plan.loopback) lines.add("network", "loopback alone");
  else if ((plan.clone_flags & CLONE_NEWNET) == 0) lines.add("network", "the host's");
}

void explain_ids(const IdPlan& ids, Lines& lines) {
  const auto maps = [](const std::vector<IdMap>& list) {
    std::vector<std::string> parts;
    for (const IdMap& map : list) parts.push_back(cat(map.inside, " is ", map.outside, map.count == 1 ? "" : cat(" (", map.count, " ids)")));
    return join(parts, ", ");
  };
  lines.add("ids", cat("uid ", ids.uid, ", gid ", ids.gid, " inside"));
  if (!ids.uid_map.empty()) lines.add("uid map", maps(ids.uid_map));
  if (!ids.gid_map.empty())
    lines.add("gid map", cat(maps(ids.gid_map), ids.deny_setgroups ? "; setgroups denied" : "", ids.helpers ? "; by newuidmap and newgidmap" : ""));
}

void explain_limits(const CgroupSpec& limits, Lines& lines) {
  const auto origin = [&limits](const char* file) {
    const auto it = limits.origins.find(file);
    return it == limits.origins.end() ? std::string() : it->second;
  };
  const auto add = [&](const char* file, const std::optional<std::uint64_t>& value, bool bytes) {
    if (!value) return;
    const std::string text = *value == UINT64_MAX ? "max" : bytes ? format_bytes(*value) : cat(*value);
    lines.add("limit", cat(file, " = ", text), origin(file));
  };
  add("memory.max", limits.memory_max, true);
  add("memory.high", limits.memory_high, true);
  add("memory.swap.max", limits.memory_swap_max, true);
  if (limits.cpu_quota_us)
    lines.add("limit", cat("cpu.max = ", *limits.cpu_quota_us == UINT64_MAX ? "max" : cat(*limits.cpu_quota_us), " ", limits.cpu_period_us),
              origin("cpu.max"));
  add("cpu.weight", limits.cpu_weight, false);
  add("pids.max", limits.pids_max, false);
  add("io.weight", limits.io_weight, false);
}

void explain_cgroup(const LaunchPlan& plan, Lines& lines) {
  std::visit(Overloaded{[&](const std::monostate&) { lines.add("cgroup", "the caller's"); },
                        [&](const ScopeRequest& scope) {
                          lines.add("scope", cat(scope.name, " in ", scope.slice, " of the ", scope.system_manager ? "system" : "user",
                                                 " manager", plan.scope_optional ? ", where it answers" : ""));
                          explain_limits(scope.limits, lines);
                          for (const auto& [name, value] : scope.properties) lines.add("property", cat(name, "=", value));
                        },
                        [&](const SubCgroup& sub) {
                          lines.add("cgroup", cat(sub.parent, "/", sub.name, ", made in the caller's delegated cgroup"));
                          explain_limits(sub.limits, lines);
                        },
                        [&](const UnitCgroup& unit) {
                          lines.add("cgroup", cat("that of ", unit.unit, ", whose limits must be as tight"));
                          explain_limits(unit.limits, lines);
                        }},
             plan.cgroup);
}

std::string entry_text(const LayerEntry& entry) {
  switch (entry.kind) {
    case LayerEntry::Kind::directory: return cat(entry.name, "/");
    case LayerEntry::Kind::symlink: return cat(entry.name, " -> ", entry.content);
    case LayerEntry::Kind::whiteout: return cat("no ", entry.name);
    case LayerEntry::Kind::file: break;
  }
  return entry.name;
}

void explain_mount(const PlannedMount& mount, Lines& lines) {
  const auto add = [&](std::string_view word, const std::string& what) { lines.add(word, what, mount.origin); };
  std::visit(
      Overloaded{[&](const MakeDirectory& make) { add("mkdir", make.target); },
                 [&](const MakeSymlink& link) { add("symlink", cat(link.target, " -> ", link.to)); },
                 [&](const MakeFile& file) {
                   add("file", cat(file.target, file.content.empty() ? ", empty" : cat(", ", file.content.size(), " bytes"),
                                   file.cover ? ", over the host's" : ""));
                 },
                 [&](const BindTree& bind) {
                   add("bind", cat(bind.target, bind.source == bind.target ? "" : cat(" from ", bind.source),
                                   bind.allow_devices ? ", devices" : bind.read_only ? ", read-only" : ", read-write",
                                   bind.no_exec ? ", noexec" : ""));
                 },
                 [&](const MountTmpfs& tmpfs) {
                   add("tmpfs", cat(tmpfs.target, ", mode ", octal(tmpfs.mode),
                                    tmpfs.size_bytes == 0 ? "" : cat(", at most ", format_bytes(tmpfs.size_bytes))));
                 },
                 [&](const MountProc& proc) {
                   constexpr std::array views{"masked", "full", "hidepid"};
                   const bool by_mode = proc.by_mode && proc.view != ProcView::full;
                   add("proc", cat(proc.target, ", ", views[static_cast<std::size_t>(proc.view)],
                                   by_mode ? " but for what only the host's root may open" : ""));
                 },
                 [&](const MountDevpts& pts) { add("devpts", pts.target); },
                 [&](const LayerDirectory& layer) {
                   std::vector<std::string> names;
                   for (const LayerEntry& entry : layer.entries) names.push_back(entry_text(entry));
                   add("layer", cat(layer.target, ": ", join(names, ", "),
                                    layer.submounts.empty() ? "" : cat("; carries ", join(layer.submounts, ", "))));
                 },
                 [&](const HidePath& hide) { add("hide", cat(hide.target, hide.directory ? "/" : "")); },
                 [&](const SealReadOnly& seal) { add("seal", cat(seal.target, ", read-only")); },
                 [&](const MakeSocket& socket) { add("socket", cat(socket.target, ", to the service manager")); }},
      mount.operation);
}

void explain_landlock(const LandlockPlan& landlock, Lines& lines) {
  if (landlock.abi == 0) return lines.add("landlock", "off");
  std::vector<std::string> parts;
  if (landlock.filesystem) {
    const auto writable = std::count_if(landlock.rules.begin(), landlock.rules.end(), [](const LandlockRule& rule) { return rule.write; });
    parts.push_back(cat("files (", landlock.rules.size(), " rules, ", writable, " of them for writing)"));
  } else {
    parts.emplace_back("no files: the payload may mount");
  }
  if (landlock.deny_tcp) parts.emplace_back("no TCP");
  if (landlock.scope && landlock.abi >= 6) parts.emplace_back("abstract sockets and signals stay inside");
  lines.add("landlock", cat("ABI ", landlock.abi, ": ", join(parts, "; ")));
}

void explain_process(const LaunchPlan& plan, Lines& lines) {
  std::vector<std::string> kept;
  for (int bit = 0; bit < 64; ++bit)
    if ((plan.kept_capabilities >> static_cast<unsigned>(bit) & 1U) != 0) kept.push_back(static_cast<std::size_t>(bit) < capability_names.size() ? std::string(capability_names[static_cast<std::size_t>(bit)]) : cat(bit));
  lines.add("caps", kept.empty() ? "none" : cat("kept: ", join(kept, " ")));
  for (const RlimitSpec& limit : plan.rlimits) {
    const auto number = [](std::uint64_t value) { return value == UINT64_MAX ? std::string("unlimited") : cat(value); };
    lines.add("rlimit", cat(limit.name, " = ", number(limit.soft), limit.soft == limit.hard ? "" : cat(":", number(limit.hard))), limit.origin);
  }
  lines.add("seccomp", plan.filter_digest.empty() ? "compiled at launch" : cat("filter ", plan.filter_digest.substr(0, 12)));
  std::vector<std::string> names;
  for (const std::string& variable : plan.environment) names.push_back(variable.substr(0, variable.find('=')));
  lines.add("environment", names.empty() ? "empty" : join(names, " "));
  if (!plan.pass_fds.empty()) {
    std::vector<std::string> fds;
    for (const int fd : plan.pass_fds) fds.push_back(cat(fd));
    lines.add("fds", join(fds, " "));
  }
  if (plan.limits.wall_time_us != 0) lines.add("wall time", cat(plan.limits.wall_time_us / 1'000'000, " s"));
  lines.add("workdir", plan.workdir);
  lines.add("exec", join(plan.argv, " "));
}

}  // namespace

std::string explain(const LaunchPlan& plan) {
  Lines lines;
  explain_namespaces(plan, lines);
  explain_ids(plan.ids, lines);
  explain_cgroup(plan, lines);
  lines.add("root", plan.root_directory.empty() ? "a new tmpfs" : cat(plan.root_directory, plan.root_read_only ? ", read-only" : ", read-write"));
  for (const Placeholder& placeholder : plan.placeholders)
    lines.add("placeholder", cat(placeholder.path, placeholder.directory ? "/" : "", ", on the host while it runs"), placeholder.origin);
  for (const PlannedMount& mount : plan.mounts) explain_mount(mount, lines);
  explain_landlock(plan.landlock, lines);
  explain_process(plan, lines);
  for (const std::string& name : plan.require) lines.add("require", name);
  for (const Loss& loss : plan.losses)
    lines.add("lost", cat(loss.protection, ": ", loss.asked.empty() ? "" : cat(loss.asked, " can't be enforced: "), loss.reason, loss.remedy.empty() ? "" : cat(" (", loss.remedy, ")")));
  return lines.take();
}

}  // namespace sbx
