#include "plan/mount_order.h"

#include <algorithm>
#include <cerrno>

#include "base/text.h"

namespace sbx {
namespace {

// Order among what stands at one target.
enum Rank : int { rank_name, rank_mount, rank_layer };

std::string quoted(const MountItem& item) { return cat(item.target, " (", item.origin, ")"); }

}  // namespace

void MountOrder::put(const std::string& key, int rank, MountOperation operation, const Origin& origin) {
  ranked_.push_back({key, rank, {std::move(operation), origin}});
}

void MountOrder::hide(const std::string& target, bool directory, const Origin& origin, const PathFact& fact) {
  hides_.push_back({HidePath{.target = target, .directory = directory, .dev = fact.dev, .ino = fact.ino}, origin});
}

Result<> MountOrder::add(const MountItem& item) {
  const MountItem& over = tree_.cover(item.target);
  if (item.target == "/") {
    if (item.kind == MountItem::Kind::tmpfs) seals_.push_back({SealReadOnly{"/"}, item.origin});
    return {};
  }
  if (!item.is_mount()) return add_name(item, over);
  SBX_TRY(make_mount_point(item, over));
  switch (item.kind) {
    case MountItem::Kind::tmpfs:
      put(item.target, rank_mount, MountTmpfs{item.target, item.size_bytes, item.mode, item.no_exec}, item.origin);
      if (item.sealed) seals_.push_back({SealReadOnly{item.target}, item.origin});
      break;
    case MountItem::Kind::proc:
      put(item.target, rank_mount, MountProc{item.target, spec_.filesystem.proc, !plan_.ids.maps_host_root}, item.origin);
      break;
    case MountItem::Kind::devpts:
      put(item.target, rank_mount, MountDevpts{item.target}, item.origin);
      break;
    default:
      put(item.target, rank_mount,
          BindTree{item.source, item.target, item.is_directory, item.read_only, item.no_exec, item.devices, item.dev, item.ino},
          item.origin);
  }
  return {};
}

// A directory, file or symlink that is made rather than mounted.
Result<> MountOrder::add_name(const MountItem& item, const MountItem& over) {
  const bool in_tmpfs = over.kind == MountItem::Kind::tmpfs;
  if (item.kind == MountItem::Kind::directory) return make_mount_point(item, over);
  if (in_tmpfs || over.owned) {
    if (item.kind == MountItem::Kind::symlink)
      put(item.target, rank_name, MakeSymlink{item.target, item.text}, item.origin);
    else if (item.kind == MountItem::Kind::socket)
      put(item.target, rank_name, MakeSocket{item.target}, item.origin);
    else
      put(item.target, rank_name, MakeFile{item.target, item.text, item.mode, false}, item.origin);
    return {};
  }
  if (over.kind != MountItem::Kind::bind)
    return fail(Step::make_plan, ErrorKind::host, cat(quoted(item), " can't be made within ", over.target),
                "name a path elsewhere");
  const std::string on_host = MountTree::host_path(over, item.target);
  const PathFact& fact = tree_.host().look(on_host);
  if (item.kind == MountItem::Kind::file && fact.kind == FileKind::regular && tree_.host().link(on_host) == nullptr) {
    put(item.target, rank_mount, MakeFile{item.target, item.text, item.mode, true}, item.origin);
    return {};
  }
  if (!over.read_only && item.kind == MountItem::Kind::file && fact.kind == FileKind::absent) {
    SBX_TRY(add_placeholders(item.target, false, over, item.origin));
    put(item.target, rank_mount, MakeFile{item.target, item.text, item.mode, true}, item.origin);
    return {};
  }
  if (!over.read_only)
    return fail(Step::make_plan, ErrorKind::host,
                cat(quoted(item), " can't be made within ", over.target, ", which the payload can write"),
                "bind that directory read-only, or make the name on the host");
  const auto kind = item.kind == MountItem::Kind::symlink ? LayerEntry::Kind::symlink : LayerEntry::Kind::file;
  return add_to_layer(item.target, LayerEntry{{}, kind, item.text}, over, item.origin);
}

Result<> MountOrder::make_mount_point(const MountItem& item, const MountItem& over) {
  if (over.kind == MountItem::Kind::bind && !over.owned) return make_in_bind(item, over);
  if (over.kind == MountItem::Kind::proc || over.kind == MountItem::Kind::devpts) return {};  // has its own names
  if (!over.is_directory)
    return fail(Step::make_plan, ErrorKind::host, cat(quoted(item), " lies below ", over.target, ", which is a file"),
                "name a path elsewhere");
  // The launcher makes a mount point as it mounts; a directory that is asked for by itself is an operation.
  if (item.kind == MountItem::Kind::directory) put(item.target, rank_name, MakeDirectory{item.target, item.mode}, item.origin);
  return {};
}

// Within a tree of the host: it has the name, or a layer adds it, or a placeholder stands in for the time being.
Result<> MountOrder::make_in_bind(const MountItem& item, const MountItem& over) {
  if (!over.is_directory)
    return fail(Step::make_plan, ErrorKind::host, cat(quoted(item), " lies below ", over.target, ", which is a file"),
                "name a path elsewhere");
  const PathFact& fact = tree_.host().look(MountTree::host_path(over, item.target));
  if (fact.errno_value != 0)
    return fail_errno(Step::make_plan, fact.errno_value, cat("the mount point ", quoted(item), " can't be looked at"),
                      "name a target elsewhere");
  if (fact.kind != FileKind::absent && (fact.kind == FileKind::directory) == item.is_directory) return {};
  if (over.read_only) {
    const auto kind = item.is_directory ? LayerEntry::Kind::directory : LayerEntry::Kind::file;
    return add_to_layer(item.target, LayerEntry{{}, kind, {}}, over, item.origin);
  }
  if (fact.kind != FileKind::absent)
    return fail(Step::make_plan, ErrorKind::host,
                cat(quoted(item), item.is_directory ? " is to be a directory, and is a file on the host"
                                                    : " is to be a file, and is a directory on the host"),
                "name another target");
  return add_placeholders(item.target, item.is_directory, over, item.origin);
}

Result<MountOrder::Gap> MountOrder::find_gap(const std::string& target, const MountItem& over, const Origin& origin) const {
  Gap gap;
  std::string parent(parent_path(target));
  std::string name(path_below(target, parent));
  gap.missing.push_back(name);
  while (parent.size() > over.target.size()) {
    const PathFact& fact = tree_.host().look(MountTree::host_path(over, parent));
    if (fact.errno_value != 0)
      return fail_errno(Step::make_plan, fact.errno_value, cat(parent, " (for ", target, ", ", origin, ") can't be looked at"));
    if (fact.kind == FileKind::directory) break;
    if (fact.kind != FileKind::absent)
      return fail(Step::make_plan, ErrorKind::host, cat(target, " (", origin, ") lies below ", parent, ", which is a file"),
                  "name a path elsewhere");
    name = path_below(parent, parent_path(parent));
    gap.missing.push_back(name);
    parent = parent_path(parent);
  }
  std::reverse(gap.missing.begin(), gap.missing.end());
  gap.parent = parent;
  return gap;
}

Result<> MountOrder::add_to_layer(const std::string& target, const LayerEntry& entry, const MountItem& over, const Origin& origin) {
  SBX_ASSIGN(const Gap gap, find_gap(target, over, origin));
  if (gap.parent == "/")
    return fail(Step::make_plan, ErrorKind::host, cat(target, " (", origin, ") isn't in the root ", over.source),
                cat("make it there: ", join_path(over.source, gap.missing.front())));
  Layer& layer = layers_[gap.parent];
  if (layer.origin.empty()) layer.origin = origin;
  std::string name;
  for (std::size_t i = 0; i < gap.missing.size(); ++i) {
    name = name.empty() ? gap.missing[i] : join_path(name, gap.missing[i]);
    const bool last = i + 1 == gap.missing.size();
    // What is absent is absent from its first missing component on.
    if (entry.kind == LayerEntry::Kind::whiteout) {
      layer.entries.emplace(name, LayerEntry{name, LayerEntry::Kind::whiteout, {}});
      break;
    }
    LayerEntry step = last ? entry : LayerEntry{{}, LayerEntry::Kind::directory, {}};
    step.name = name;
    const auto [it, fresh] = layer.entries.emplace(name, step);
    if (!fresh && (last ? it->second.kind != LayerEntry::Kind::directory || step.kind == LayerEntry::Kind::directory
                        : it->second.kind == LayerEntry::Kind::whiteout))
      it->second = step;
  }
  return {};
}

Result<> MountOrder::add_placeholders(const std::string& target, bool directory, const MountItem& over, const Origin& origin) {
  SBX_ASSIGN(const Gap gap, find_gap(target, over, origin));
  std::string path = MountTree::host_path(over, gap.parent);
  for (std::size_t i = 0; i < gap.missing.size(); ++i) {
    path = join_path(path, gap.missing[i]);
    if (placeholders_.insert(path).second)
      plan_.placeholders.push_back({path, origin, directory || i + 1 < gap.missing.size()});
  }
  return {};
}

Result<> MountOrder::hide_absent(const std::string& target, bool directory, const Origin& origin) {
  const MountItem& over = tree_.cover(target);
  if (over.kind != MountItem::Kind::bind || over.owned) return {};  // nothing of the host's can come to be there
  if (over.read_only) return add_to_layer(target, LayerEntry{{}, LayerEntry::Kind::whiteout, {}}, over, origin);
  SBX_TRY(add_placeholders(target, directory, over, origin));
  hide(target, directory, origin);
  return {};
}

Result<> MountOrder::finish_layers() {
  if (!layers_.empty()) tree_.host().need_mount_points();
  for (auto& [target, layer] : layers_) SBX_TRY(finish_layer(target, layer));
  return {};
}

Result<> MountOrder::finish_layer(const std::string& target, Layer& layer) {
  const HostFacts& facts = tree_.host().facts();
  const MountItem* item = tree_.at(target);
  const MountItem& over = item != nullptr && item->is_mount() ? *item : tree_.cover(target);
  const std::string on_host = MountTree::host_path(over, target);
  LayerDirectory operation{.target = target, .entries = {}, .submounts = {}};
  std::vector<std::string> points = facts.mount_points;
  std::sort(points.begin(), points.end());
  for (const std::string& point : points) {
    if (point == on_host || !is_at_or_below(point, on_host)) continue;
    std::string below(path_below(point, on_host));
    if (!operation.submounts.empty() && is_at_or_below(below, operation.submounts.back())) continue;  // goes with it
    operation.submounts.push_back(std::move(below));
  }
  // A user namespace may not take a tree apart that the host mounted, and a directory with mounts below it is no lower
  // layer there (has_locked_children() in clone_private_mount(); overlayfs itself since 5.11).
  if (spec_.namespaces.user && (!facts.overlay_in_userns || !operation.submounts.empty()))
    return assemble(target, on_host, layer, over);
  for (auto& [name, entry] : layer.entries) operation.entries.push_back(std::move(entry));
  put(target, rank_layer, std::move(operation), layer.origin);
  return {};
}

// The directory anew, in a tmpfs: each name of the host's bound into it, but for those that are to differ.
Result<> MountOrder::assemble(const std::string& target, const std::string& on_host, const Layer& layer, const MountItem& over) {
  constexpr std::size_t most = 10'000;
  const std::vector<ListedName>* names = tree_.host().listing(on_host);
  if (names == nullptr || names->size() > most)
    return fail(Step::make_plan, ErrorKind::host,
                cat("no name can be added to ", target, " or taken from it (for ", join_path(target, layer.entries.begin()->first), ", ",
                    layer.origin, "): overlayfs isn't to be had for it, and ",
                    names != nullptr && names->size() > most ? "it holds too many names" : "it can't be read"),
                "make the path on the host, or use Linux 5.11 or newer and no mount below that directory");
  put(target, rank_layer, MountTmpfs{.target = target}, layer.origin);
  seals_.push_back({SealReadOnly{target}, layer.origin});
  for (const ListedName& listed : *names) {
    if (layer.entries.contains(listed.name)) continue;
    const std::string inside = join_path(target, listed.name);
    if (listed.kind == FileKind::symlink)
      put(inside, rank_name, MakeSymlink{inside, listed.link}, layer.origin);
    else
      put(inside, rank_name,
          BindTree{.source = join_path(on_host, listed.name), .target = inside, .directory = listed.kind == FileKind::directory,
                   .read_only = true, .no_exec = over.no_exec, .allow_devices = over.devices, .dev = listed.dev, .ino = listed.ino},
          layer.origin);
  }
  for (const auto& [name, entry] : layer.entries) {
    const std::string inside = join_path(target, name);
    if (entry.kind == LayerEntry::Kind::directory) put(inside, rank_name, MakeDirectory{inside}, layer.origin);
    if (entry.kind == LayerEntry::Kind::file) put(inside, rank_name, MakeFile{inside, entry.content, 0444, false}, layer.origin);
    if (entry.kind == LayerEntry::Kind::symlink) put(inside, rank_name, MakeSymlink{inside, entry.content}, layer.origin);
  }
  return {};
}

Result<> MountOrder::finish() {
  SBX_TRY(finish_layers());
  std::stable_sort(ranked_.begin(), ranked_.end(), [](const Ranked& a, const Ranked& b) {
    return a.key != b.key ? a.key < b.key : a.rank < b.rank;
  });
  plan_.mounts.reserve(ranked_.size() + hides_.size() + seals_.size());
  std::stable_sort(plan_.placeholders.begin(), plan_.placeholders.end(),
                   [](const Placeholder& a, const Placeholder& b) { return a.path < b.path; });
  for (Ranked& ranked : ranked_) plan_.mounts.push_back(std::move(ranked.mount));
  for (PlannedMount& mount : hides_) {
    // overlayfs gives files device and inode numbers of its own.
    auto& hide = std::get<HidePath>(mount.operation);
    if (std::ranges::any_of(layers_, [&](const auto& layer) { return is_at_or_below(hide.target, layer.first); })) hide.ino = 0;
    plan_.mounts.push_back(std::move(mount));
  }
  // The innermost first: the root's mount points are needed until the end.
  for (auto mount = seals_.rbegin(); mount != seals_.rend(); ++mount) plan_.mounts.push_back(std::move(*mount));
  return {};
}

}  // namespace sbx
