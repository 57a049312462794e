#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "plan/subjects.h"

namespace sbx {
namespace {

Result<> set_source(MountItem& item, const std::string& source, const PathFact& fact, bool optional) {
  if (fact.errno_value != 0)
    return fail_errno(Step::make_plan, fact.errno_value, cat(source, " (", item.origin, ") can't be opened"),
                      "make it readable to the caller, or leave it out of the profile");
  if (fact.kind == FileKind::absent)
    return fail_errno(Step::make_plan, ENOENT, cat(source, " (", item.origin, ")"),
                      optional ? "" : "make it, leave it out, or set optional = true on a bind");
  item.kind = MountItem::Kind::bind;
  item.source = fact.real_path;
  item.is_directory = fact.kind == FileKind::directory;
  item.dev = fact.dev;
  item.ino = fact.ino;
  return {};
}

// An absent path below the directory that is there, by that directory's canonical name.
std::string canonical_absent(HostView& host, const std::string& path) {
  std::string above(parent_path(path));
  while (above.size() > 1 && host.look(above).kind == FileKind::absent) above = parent_path(above);
  const PathFact& fact = host.look(above);
  return fact.kind == FileKind::absent ? path : join_path(fact.real_path, path_below(path, above));
}

Result<> add_home(std::vector<MountItem>& items, const FilesystemSpec& files, HostView& host, LaunchPlan& plan) {
  if (files.home == HomeKind::none || files.home_path.empty()) return {};
  MountItem home{.target = files.home_path, .origin = files.home_origin.empty() ? "default" : files.home_origin};
  if (files.home == HomeKind::private_tmpfs) {
    home.kind = MountItem::Kind::tmpfs;
    home.mode = 0700;
  } else {
    const PathFact& fact = host.look(files.home_source);
    if (files.home == HomeKind::persistent && fact.kind == FileKind::absent && fact.errno_value == 0) {
      // Made by the launcher, so that nothing is known of it yet.
      home.kind = MountItem::Kind::bind;
      home.source = canonical_absent(host, files.home_source);
    } else {
      SBX_TRY(set_source(home, files.home_source, fact, false));
    }
    home.read_only = false;
    home.owned = files.home == HomeKind::persistent;
    if (home.owned) plan.persistent_home = home.source;
  }
  items.push_back(std::move(home));
  return {};
}

Result<> add_binds(std::vector<MountItem>& items, const FilesystemSpec& files, HostView& host) {
  for (const BindSpec& bind : files.binds) {
    if (bind.target == "/") continue;  // the root itself, see root_item
    const PathFact& fact = host.look(bind.source);
    if (bind.optional && fact.kind == FileKind::absent && fact.errno_value == 0) continue;
    MountItem item{.target = bind.target, .origin = bind.origin};
    SBX_TRY(set_source(item, bind.source, fact, bind.optional));
    item.read_only = bind.access == Access::read;
    item.no_exec = !bind.exec;
    items.push_back(std::move(item));
  }
  for (const DeviceSpec& device : files.devices) {
    const PathFact& fact = host.look(device.path);
    MountItem item{.target = device.path, .devices = true, .origin = device.origin};
    SBX_TRY(set_source(item, device.path, fact, false));
    if (fact.kind != FileKind::device && fact.kind != FileKind::directory)
      return fail(Step::make_plan, ErrorKind::host, cat(device.path, " (", device.origin, ") is no device"),
                  "name a device node or a directory of them");
    items.push_back(std::move(item));
  }
  return {};
}

// Everything with its target as the spec names it; of two with the same target the later one is taken.
Result<std::vector<MountItem>> wanted_items(const SandboxSpec& spec, HostView& host, const MountItem& root, LaunchPlan& plan) {
  const FilesystemSpec& files = spec.filesystem;
  std::vector<MountItem> items = base_items(spec, host, root);
  SBX_TRY(add_home(items, files, host, plan));
  for (const TmpfsSpec& tmpfs : files.tmpfs)
    items.push_back({.kind = MountItem::Kind::tmpfs, .target = tmpfs.path, .size_bytes = tmpfs.size_bytes, .mode = tmpfs.mode,
                     .origin = tmpfs.origin});
  SBX_TRY(add_binds(items, files, host));
  for (const SymlinkSpec& link : files.symlinks)
    items.push_back({.kind = MountItem::Kind::symlink, .target = link.path, .is_directory = false, .text = link.to,
                     .origin = link.origin});
  for (const FileSpec& file : files.files)
    items.push_back({.kind = MountItem::Kind::file, .target = file.path, .is_directory = false, .mode = 0444,
                     .text = file.content, .origin = file.origin});
  if (!spec.notify_socket.empty()) {
    // A mount of its own, whatever the place is made of, and sealed: the payload can't put anything else there.
    items.push_back({.kind = MountItem::Kind::tmpfs, .target = std::string(parent_path(spec.notify_socket)), .sealed = true,
                     .implied = true, .origin = "sdnotify"});
    items.push_back({.kind = MountItem::Kind::socket, .target = spec.notify_socket, .is_directory = false, .implied = true,
                     .origin = "sdnotify"});
  }
  std::stable_sort(items.begin(), items.end(), [](const MountItem& a, const MountItem& b) { return a.target < b.target; });
  return items;
}

// Parents come before children, so that each target is resolved through what stands above it.
Result<> fill_tree(MountTree& tree, std::vector<MountItem> items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    MountItem& item = items[i];
    if (i + 1 < items.size() && items[i + 1].target == item.target) continue;
    const bool follow = item.kind != MountItem::Kind::symlink;
    SBX_ASSIGN(item.target, tree.resolve(item.target, follow, item.origin));
    if (item.target == "/")
      return fail(Step::make_plan, ErrorKind::host, cat("the root can't be replaced (", item.origin, ")"),
                  "set filesystem.root, or bind a directory to /");
    tree.insert(std::move(item));
  }
  return {};
}

}  // namespace

Result<> plan_mounts(const SandboxSpec& spec, const HostFacts& facts, HostQuestions* questions, LaunchPlan& plan) {
  plan.new_mount_api = facts.new_mount_api;
  if (!spec.namespaces.mount) return {};
  HostView host(facts, questions);
  SBX_ASSIGN(const MountItem root, root_item(spec, host));
  if (root.kind == MountItem::Kind::bind) {
    plan.root_directory = root.source;
    plan.root_read_only = root.read_only;
    plan.root_dev = root.dev;
    plan.root_ino = root.ino;
  }
  MountTree tree(root, host);
  SBX_ASSIGN(auto items, wanted_items(spec, host, root, plan));
  SBX_TRY(fill_tree(tree, std::move(items)));
  pin_read_only(tree);
  MountOrder order(spec, tree, plan);
  SBX_TRY(plan_hides(spec, tree, order));
  for (const auto& [target, item] : tree.items()) SBX_TRY(order.add(item));
  return order.finish();
}

}  // namespace sbx
