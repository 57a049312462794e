// Directories that the payload may write in, but not move away.
#include "base/text.h"
#include "plan/subjects.h"

namespace sbx {

// A mount goes where the directory that it is on goes: the payload could rename a parent, make a new one, and have
// another `.git/config` at the path that was to be read-only. A mount point itself can't be renamed (EBUSY, rename(2)),
// so each parent up to the writable tree is bound onto itself.
void pin_parents(MountTree& tree, const std::string& path, const Origin& origin) {
  const MountItem over = tree.cover(path);
  if (over.kind != MountItem::Kind::bind || over.read_only || over.owned) return;
  for (std::string above(parent_path(path)); above.size() > over.target.size(); above = parent_path(above)) {
    if (tree.at(above) != nullptr) continue;
    MountItem pin{.kind = MountItem::Kind::bind, .target = above, .source = MountTree::host_path(over, above)};
    const PathFact& fact = tree.host().look(pin.source);
    pin.read_only = false;
    pin.no_exec = over.no_exec;
    pin.implied = true;
    pin.dev = fact.dev;
    pin.ino = fact.ino;
    pin.origin = cat("to keep it in place for ", origin);
    tree.insert(std::move(pin));
  }
}

void pin_read_only(MountTree& tree) {
  std::vector<std::pair<std::string, Origin>> wanted;
  for (const auto& [target, item] : tree.items())
    if (!item.implied && item.kind == MountItem::Kind::bind && item.read_only) wanted.emplace_back(target, item.origin);
  for (const auto& [target, origin] : wanted) pin_parents(tree, target, origin);
}

}  // namespace sbx
