// What a name on the host leads to: the part of the probe that looks at paths.
#pragma once
#include <string_view>
#include <unordered_map>

#include "plan/host_facts.h"

namespace sbx {
// Looks at one path after the other; one system call for most, since siblings share a parent.
class PathProbe {
 public:
  explicit PathProbe(std::map<std::string, std::string>& links) : links_(links) {}
  // Triggers no automount and opens no device. Records each symlink met on the way.
  PathFact look(const std::string& path);
  // Only whether the path itself is a symlink, and what it says.
  bool is_link(const std::string& path);

 private:
  bool is_canonical(const std::string& directory);
  PathFact look_through(const std::string& path);
  void record_links(const std::string& path, std::string_view real_path);

  std::map<std::string, std::string>& links_;
  std::unordered_map<std::string, bool> canonical_;  // directories: do they lead to themselves?
};

// Below `tree`: what others can't read. Stays on the tree's file system and triggers no automount. Where a tree has
// more than `limit` entries, the directories that were not looked into count as private.
void find_private_paths(const std::string& tree, std::vector<std::string>& found, std::size_t limit = 100'000);
// The canonical name of a path that may be absent: of the deepest directory that is there, and the rest.
std::string canonical_name(const std::string& path);
// The names in a directory, sorted; nothing where it can't be read.
std::optional<std::vector<ListedName>> list_directory(const std::string& path);
}  // namespace sbx
