// Hidden paths: covered wherever they can be seen, not only where they were named.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "plan/subjects.h"

namespace sbx {
namespace {

class Hider {
 public:
  Hider(MountTree& tree, MountOrder& order) : tree_(tree), order_(order) {
    for (const auto& [target, item] : tree.items())
      if (item.kind == MountItem::Kind::bind) by_source_.emplace(item.source, target);
  }

  Result<> hide_asked(const HideSpec& hide) {
    SBX_ASSIGN(const std::string path, tree_.resolve(hide.path, true, hide.origin));
    if (std::string_view(path) == "/" || path == "/proc" || path == "/dev")
      return fail(Step::make_plan, ErrorKind::host, cat(hide.path, " (", hide.origin, ") can't be hidden as a whole"),
                  "hide what is below it");
    SBX_TRY(hide_at(path, hide.origin));
    const MountItem* item = tree_.at(path);
    const MountItem& over = tree_.cover(path);
    if (item != nullptr && item->kind == MountItem::Kind::bind) return hide_views(item->source, hide.origin, path);
    if (over.kind == MountItem::Kind::bind) return hide_views(MountTree::host_path(over, path), hide.origin, path);
    // No bind holds the path under this name. Who named it meant the host's file: a symlink may lead there by directories
    // that the sandbox doesn't have.
    std::string real = tree_.host().look(hide.path).real_path;
    if (real.empty()) {
      const std::string above = tree_.host().look(std::string(parent_path(hide.path))).real_path;
      if (!above.empty()) real = join_path(above, hide.path.substr(hide.path.rfind('/') + 1));
    }
    return real.empty() ? Result<>() : hide_views(real, hide.origin, path);
  }

  // Where else the same host path is to be seen: below each bind of a directory above it. A bind of the path itself, or
  // of something within it, was asked for by name and stays.
  Result<> hide_views(const std::string& on_host, const Origin& origin, const std::string& but = {}) {
    return in_views(on_host, but, [](const MountItem&) { return true; }, [&](const std::string& view) { return hide_at(view, origin); });
  }

  // Only where the payload could write, and as a directory where there is nothing yet.
  Result<> protect_directory(const std::string& on_host, const Origin& origin) {
    return in_views(on_host, {}, [](const MountItem& bind) { return !bind.read_only; },
                    [&](const std::string& view) {
                      pin_parents(tree_, view, origin);
                      return hide_at(view, origin, true);
                    });
  }

  // Wherever it could be seen; where the payload could write, its parents can't be moved away either.
  Result<> conceal_directory(const std::string& on_host, const Origin& origin) {
    return in_views(on_host, {}, [](const MountItem&) { return true; },
                    [&](const std::string& view) {
                      if (!tree_.cover(view).read_only) pin_parents(tree_, view, origin);
                      return hide_at(view, origin, true);
                    });
  }

 private:
  template <typename Takes, typename Hide>
  Result<> in_views(const std::string& on_host, const std::string& but, Takes takes, Hide hide) {
    std::string above = on_host;
    while (above.size() > 1) {
      above = parent_path(above);
      const auto [begin, end] = by_source_.equal_range(above);
      for (auto it = begin; it != end; ++it) {
        const std::string view = join_path(it->second, path_below(on_host, above));
        const MountItem& over = tree_.cover(view);
        if (view == but || over.target != it->second || !takes(over)) continue;
        if (const MountItem* item = tree_.at(view); item != nullptr && !item->implied) continue;
        SBX_TRY(hide(view));
      }
    }
    return {};
  }

  // What was asked for by name below a hidden directory stays: the directory then holds that alone.
  bool has_asked_below(const std::string& path) const {
    const std::string prefix = cat(path, "/");
    for (auto it = tree_.items().lower_bound(prefix); it != tree_.items().end() && it->first.starts_with(prefix); ++it)
      if (!it->second.implied) return true;
    return false;
  }

  bool has_anything_below(const std::string& path) const {
    const std::string prefix = cat(path, "/");
    const auto it = tree_.items().lower_bound(prefix);
    return it != tree_.items().end() && it->first.starts_with(prefix);
  }

  void empty_directory(const std::string& path, const Origin& origin) {
    tree_.insert({.kind = MountItem::Kind::tmpfs, .target = path, .sealed = true, .mode = 0755, .origin = origin});
  }

  Result<> hide_at(const std::string& path, const Origin& origin, bool directory = false) {
    if (!done_.insert(path).second) return {};
    if (has_asked_below(path)) {
      empty_directory(path, origin);
      return {};
    }
    if (const MountItem* item = tree_.at(path)) {
      order_.hide(path, item->is_directory, origin);
      return {};
    }
    const MountItem& over = tree_.cover(path);
    if (over.kind == MountItem::Kind::tmpfs) {
      if (has_anything_below(path)) order_.hide(path, true, origin);
      return {};
    }
    const std::string on_host = over.kind == MountItem::Kind::bind ? MountTree::host_path(over, path) : path;
    const PathFact& fact = tree_.host().look(on_host);
    if (fact.errno_value != 0) return hide_out_of_reach(path, over, origin);
    if (fact.kind == FileKind::absent) return order_.hide_absent(path, directory, origin);
    order_.hide(path, fact.kind == FileKind::directory, origin, fact);
    return {};
  }

  // The caller can't look there, but the payload could make itself able to where it owns the directory that is shut:
  // that directory goes as a whole.
  Result<> hide_out_of_reach(const std::string& path, const MountItem& over, const Origin& origin) {
    std::string above(parent_path(path));
    while (above.size() > over.target.size()) {
      const PathFact& fact = tree_.host().look(MountTree::host_path(over, above));
      if (fact.kind != FileKind::absent) break;
      above = parent_path(above);
    }
    if (above.size() <= over.target.size())
      return fail(Step::make_plan, ErrorKind::host,
                  cat(path, " (", origin, ") can't be hidden: the caller may not look into ", over.target),
                  "leave that tree out of the sandbox");
    return hide_at(above, origin);
  }

  MountTree& tree_;
  MountOrder& order_;
  std::unordered_multimap<std::string, std::string> by_source_;  // host path of a bind, its target
  std::set<std::string> done_;
};

}  // namespace

Result<> plan_hides(const SandboxSpec& spec, MountTree& tree, MountOrder& order) {
  Hider hider(tree, order);
  for (const HideSpec& hide : spec.filesystem.hides) SBX_TRY(hider.hide_asked(hide));
  // A payload that could write there would decide what the next run is confined by.
  for (const std::string& path : tree.host().facts().own_directories)
    SBX_TRY(hider.protect_directory(path, "default: sbx's own"));
  // Other sandboxes' environments stand there, and what `sbx exec` confines by.
  for (const std::string& path : tree.host().facts().runtime_directories)
    SBX_TRY(hider.conceal_directory(path, "default: sbx's own"));
  // To a payload that is root on the host, file modes are no protection.
  if (outside_uid(spec, tree.host().facts().uid) == 0)
    for (const std::string& path : tree.host().facts().private_paths)
      SBX_TRY(hider.hide_views(path, "default: readable by root alone"));
  return {};
}

}  // namespace sbx
