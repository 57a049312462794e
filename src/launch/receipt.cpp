#include "launch/receipt.h"
#include "spec/cgroup_values.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/text.h"
#include "base/unique_fd.h"
#include "kernel/cgroup_limits.h"
#include "kernel/kernel_file.h"
#include "kernel/path.h"
#include "launch/receipt_text.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace sbx {
namespace {

struct NamespaceName {
  std::uint64_t flag;
  const char* protection;
  const char* file;  // below /proc/PID/ns
};
constexpr NamespaceName namespace_names[] = {
    {CLONE_NEWUSER, "user", "user"}, {CLONE_NEWNS, "mount", "mnt"},  {CLONE_NEWPID, "pid", "pid"},
    {CLONE_NEWNET, "net", "net"},    {CLONE_NEWIPC, "ipc", "ipc"},   {CLONE_NEWUTS, "uts", "uts"},
    {CLONE_NEWTIME, "time", "time"}, {CLONE_NEWCGROUP, "cgroup", "cgroup"},
};

constexpr std::uint64_t mount_root_attribute = 0x2000;  // STATX_ATTR_MOUNT_ROOT

std::string read_link(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t size = ::readlink(path.c_str(), text, sizeof text);
  return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

std::string or_unreadable(std::string found) {
  return found.empty() ? std::string("can't be read") : std::move(found);
}

}  // namespace

struct ReceiptReader::State {
  State(const LaunchPlan& plan, pid_t payload) : plan_(plan), payload_(payload), proc_(cat("/proc/", payload, "/")) {}

  void add(std::string protection, std::string asked, std::string found, bool enforced) {
    items_.push_back({std::move(protection), std::move(asked), or_unreadable(std::move(found)), enforced});
  }
  // A field of /proc/PID/status that is to have exactly this value.
  void add_field(const char* protection, const char* name, const std::string& value) {
    const auto found = status_field(status_, name);
    add(protection, cat(name, "=", value), std::string(found.value_or("")), found && *found == value);
  }
  void namespaces();
  void ids();
  void confinement();
  void filter();
  void told_by_payload();
  void rlimits();
  void limits_of(const Cgroup* cgroup);
  void mounts();
  void hidden(const HidePath& hide, std::size_t& good);

  const LaunchPlan& plan_;
  const pid_t payload_;
  const std::string proc_;
  std::string status_;
  std::vector<ReceiptItem> items_;
};

void ReceiptReader::State::namespaces() {
  std::uint64_t asked = plan_.clone_flags;
  if (plan_.unshare_cgroup) asked |= CLONE_NEWCGROUP;
  for (const auto& name : namespace_names) {
    if ((asked & name.flag) == 0) continue;
    const std::string theirs = read_link(cat(proc_, "ns/", name.file));
    const std::string ours = read_link(cat("/proc/self/ns/", name.file));
    add(name.protection, cat("new ", name.protection, " namespace"), theirs,
        !theirs.empty() && !ours.empty() && theirs != ours);
  }
}

void ReceiptReader::State::ids() {
  if ((plan_.clone_flags & CLONE_NEWUSER) != 0) {
    const std::string uids = map_line(read_kernel_file(proc_ + "uid_map"));
    const std::string gids = map_line(read_kernel_file(proc_ + "gid_map"));
    add("ids", cat("uid_map=", map_line(plan_.ids.uid_map)), uids, uids == map_line(plan_.ids.uid_map));
    add("ids", cat("gid_map=", map_line(plan_.ids.gid_map)), gids, gids == map_line(plan_.ids.gid_map));
    if (plan_.ids.deny_setgroups) {
      const std::string found(split(read_kernel_file(proc_ + "setgroups"), '\n').front());
      add("ids", "setgroups=deny", found, found == "deny");
    }
  }
  // As the launcher's namespace numbers them: real, effective, saved and file system ids.
  const auto outside = [](std::uint32_t inside, const std::vector<IdMap>& map) {
    for (const IdMap& entry : map)
      if (inside >= entry.inside && inside - entry.inside < entry.count) return inside - entry.inside + entry.outside;
    return inside;
  };
  const auto all_four = [&](const char* name, std::uint32_t id, std::uint32_t host_id) {
    const std::string one = std::to_string(host_id);
    const auto found = status_field(status_, name);
    std::string shown(found.value_or(""));
    std::replace(shown.begin(), shown.end(), '\t', ' ');
    add("ids", cat(name, "=", id, host_id == id ? std::string() : cat(" (outside ", one, ")")), std::move(shown),
        found && *found == cat(one, '\t', one, '\t', one, '\t', one));
  };
  all_four("Uid", plan_.ids.uid, outside(plan_.ids.uid, plan_.ids.uid_map));
  all_four("Gid", plan_.ids.gid, outside(plan_.ids.gid, plan_.ids.gid_map));
}

void ReceiptReader::State::confinement() {
  add_field("no_new_privs", "NoNewPrivs", "1");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    add_field("capabilities", set, capability_set(plan_.kept_capabilities));
}

void ReceiptReader::State::filter() {
  if (plan_.filter.empty()) return;
  // The launcher may be under filters of its own, which the payload inherited: one more is the sandbox's.
  const auto count = [](std::string_view status) {
    const auto field = status_field(status, "Seccomp_filters");  // Linux 5.9
    return field ? parse_number(*field) : std::nullopt;
  };
  const auto mode = status_field(status_, "Seccomp");
  const auto theirs = count(status_), ours = count(read_kernel_file("/proc/self/status"));
  const bool more = !theirs || !ours || *theirs > *ours;
  std::string found = mode ? cat("Seccomp=", *mode) : std::string();
  if (mode && theirs) found += cat(", filters ", *theirs);
  if (mode && theirs && ours) found += cat(", of the launcher ", *ours);
  const bool filtered = mode == "2" && more;
  add("seccomp", "Seccomp=2, a filter of the sandbox's own", found, filtered);
  constexpr std::size_t instruction_size = 8;  // struct sock_filter
  add("filter", cat("sha256 ", plan_.filter_digest),
      cat(plan_.filter.size() / instruction_size, " instructions loaded, by the payload's word"), filtered);
}

void ReceiptReader::State::told_by_payload() {
  // Nothing of either is to be seen in /proc. The payload answered only after both steps had gone well.
  if (plan_.landlock.abi > 0) {
    std::string asked = cat("ABI ", plan_.landlock.abi);
    if (plan_.landlock.filesystem) asked += cat(", files by ", plan_.landlock.rules.size(), " rules");
    if (plan_.landlock.deny_tcp && plan_.landlock.abi >= 4) asked += ", no TCP";
    if (plan_.landlock.scope && plan_.landlock.abi >= 6) asked += ", abstract sockets and signals scoped";
    const bool answered = !status_.empty();
    add("landlock", asked, answered ? "enforced, by the payload's word (the kernel shows it to nobody)" : "", answered);
  }
  const bool answered = !status_.empty();
  add("keyring", "a session keyring of its own", answered ? "joined, by the payload's word (the kernel shows it to nobody)" : "",
      answered);
}

void ReceiptReader::State::rlimits() {
  const auto text = [](std::uint64_t value) { return value == UINT64_MAX ? std::string("unlimited") : std::to_string(value); };
  for (const RlimitSpec& limit : plan_.rlimits) {
    rlimit64 found{};
    const bool read = ::prlimit64(payload_, static_cast<__rlimit_resource>(limit.resource), nullptr, &found) == 0;
    add("rlimits", cat(limit.name, "=", text(limit.soft), ":", text(limit.hard)),
        read ? cat(text(found.rlim_cur), ":", text(found.rlim_max)) : errno_text(errno),
        read && found.rlim_cur == limit.soft && found.rlim_max == limit.hard);
  }
}

void ReceiptReader::State::limits_of(const Cgroup* cgroup) {
  const CgroupSpec* limits = ::sbx::limits_of(plan_.cgroup);
  if (limits == nullptr) return;
  std::string asked;
  const auto* unit = std::get_if<UnitCgroup>(&plan_.cgroup);
  if (const auto* scope = std::get_if<ScopeRequest>(&plan_.cgroup)) asked = cat("scope ", scope->name);
  else if (const auto* sub = std::get_if<SubCgroup>(&plan_.cgroup)) asked = cat("cgroup ", sub->parent, "/", sub->name);
  else asked = cat("cgroup ", unit->path);
  if (cgroup == nullptr) {
    add("scope", asked, "none", false);
    for (const LimitValue& value : limit_values(*limits)) add(value.controller, cat(value.file, "=", value.value), "no cgroup", false);
    return;
  }
  const auto path = v2_path(read_kernel_file(proc_ + "cgroup"));
  add("scope", asked, path.value_or(""), path && is_at_or_below(*path, cgroup->path()));
  for (const LimitReading& reading : unit != nullptr ? read_unit_limits(unit->path, unit->unit, *limits) : read_limits(*cgroup, *limits))
    add(reading.controller, cat(reading.file, "=", reading.asked), reading.found, reading.enforced);
}

// A hidden path may be reached through a symlink: what its name leads to inside must be the root of a mount of its own.
void ReceiptReader::State::hidden(const HidePath& hide, std::size_t& good) {
  const UniqueFd root(::open((proc_ + "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const int target = root ? open_in(root.get(), hide.target.c_str(), Links::in_root) : -errno;
  const UniqueFd owner(target);
  // What isn't there, or can't be walked to, has nothing to be read.
  if (root && (target == -ENOENT || target == -EACCES || target == -ENOTDIR)) return ++good, void();
  std::string shortfall = target < 0 ? errno_text(-target) : std::string();
  if (target >= 0) {
    struct statx facts {};
    if (::statx(target, "", AT_EMPTY_PATH, 0, &facts) != 0) shortfall = errno_text(errno);
    // Linux 5.8 knows the attribute; before, that the payload's set-up went well has to do.
    else if ((facts.stx_attributes_mask & mount_root_attribute) != 0 && (facts.stx_attributes & mount_root_attribute) == 0)
      shortfall = "not covered";
  }
  if (shortfall.empty()) return ++good, void();
  add("mounts", cat("hide ", escape_control(hide.target)), shortfall, false);
}

void ReceiptReader::State::mounts() {
  if ((plan_.clone_flags & CLONE_NEWNS) == 0) return;
  const MountTable table = mount_table(read_kernel_file(proc_ + "mountinfo"));
  std::size_t asked = 0, good = 0;
  for (const PlannedMount& mount : plan_.mounts) {
    if (const auto* hide = std::get_if<HidePath>(&mount.operation)) {
      ++asked;
      hidden(*hide, good);
      continue;
    }
    const auto expected = expected_mount(mount.operation);
    if (!expected) continue;
    ++asked;
    const std::string shortfall = mount_shortfall(table, *expected);
    if (shortfall.empty()) ++good;
    else add("mounts", cat("mount ", escape_control(expected->point)), shortfall, false);
    if (expected->type == "proc") add("proc", "a /proc of the sandbox's own", shortfall.empty() ? "mounted" : shortfall, shortfall.empty());
  }
  add("mounts", cat(asked, " mounts with their flags"), cat(good, " in /proc/PID/mountinfo and by statx(2)"), asked == good);
}

ReceiptReader::ReceiptReader(const LaunchPlan& plan, pid_t payload) : state_(std::make_unique<State>(plan, payload)) {}
ReceiptReader::ReceiptReader(ReceiptReader&&) noexcept = default;
ReceiptReader::~ReceiptReader() = default;

void ReceiptReader::before_filter() {
  state_->namespaces();
  state_->mounts();
}

std::vector<ReceiptItem> ReceiptReader::after_filter(const Cgroup* cgroup) {
  state_->status_ = read_kernel_file(state_->proc_ + "status");
  state_->ids();
  state_->confinement();
  state_->filter();
  state_->told_by_payload();
  state_->rlimits();
  state_->limits_of(cgroup);
  return std::move(state_->items_);
}

}  // namespace sbx
