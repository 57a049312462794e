#include "plan/mount_tree.h"

#include <vector>

#include "base/text.h"

namespace sbx {

std::string join_path(std::string_view directory, std::string_view name) {
  while (name.starts_with('/')) name.remove_prefix(1);
  if (name.empty()) return std::string(directory);
  return directory == "/" ? cat("/", name) : cat(directory, "/", name);
}

std::string_view path_below(std::string_view path, std::string_view ancestor) {
  path.remove_prefix(ancestor == "/" ? 0 : ancestor.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

MountTree::MountTree(MountItem root, HostView& host) : host_(host) {
  root.target = "/";
  items_.emplace("/", std::move(root));
}

void MountTree::insert(MountItem item) {
  std::string target = item.target;
  items_.insert_or_assign(std::move(target), std::move(item));
}

MountItem* MountTree::at(const std::string& target) {
  const auto it = items_.find(target);
  return it == items_.end() ? nullptr : &it->second;
}

const MountItem& MountTree::cover(std::string_view path) const {
  std::string above(path);
  while (above.size() > 1) {
    above = parent_path(above);
    if (const auto it = items_.find(above); it != items_.end() && it->second.is_mount()) return it->second;
  }
  return items_.at("/");
}

const std::string* MountTree::symlink_at(const std::string& path, const MountItem& cover) const {
  if (const auto it = items_.find(path); it != items_.end())
    return it->second.kind == MountItem::Kind::symlink ? &it->second.text : nullptr;
  return cover.kind == MountItem::Kind::bind ? host_.link(host_path(cover, path)) : nullptr;
}

Result<std::string> MountTree::resolve(const std::string& path, bool follow_last, const Origin& origin) const {
  constexpr int max_links = 40;  // path_resolution(7)
  std::vector<std::string> todo;  // last first
  const auto push = [&todo](std::string_view text) {
    const auto parts = split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
      if (!part->empty() && *part != ".") todo.emplace_back(*part);
  };
  push(path);
  std::string at = "/";
  const MountItem* over = &items_.at("/");
  int followed = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name == "..") {
      at = parent_path(at);
      const auto it = items_.find(at);
      over = it != items_.end() && it->second.is_mount() ? &it->second : &cover(at);
      continue;
    }
    std::string here = join_path(at, name);
    const std::string* link = !todo.empty() || follow_last ? symlink_at(here, *over) : nullptr;
    if (link == nullptr) {
      at = std::move(here);
      if (const auto it = items_.find(at); it != items_.end() && it->second.is_mount()) over = &it->second;
      continue;
    }
    if (++followed > max_links)
      return fail(Step::make_plan, ErrorKind::host, cat(path, " (", origin, ") is a loop of symbolic links"),
                  "name a path without the loop");
    if (link->starts_with('/')) {
      at = "/";
      over = &items_.at("/");
    }
    push(*link);
  }
  return at;
}

}  // namespace sbx
