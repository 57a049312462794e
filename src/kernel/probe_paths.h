// What a name on the host leads to: the part of the probe that looks at paths.
#pragma once
#include "plan/host_facts.h"

namespace sbx {
// One path, opened with O_PATH alone. Records in `links` each symlink met on the way.
PathFact probe_path(const std::string& path, std::map<std::string, std::string>& links);
// Below `tree`: what others can't read. Stays on the tree's file system and triggers no automount. Where a tree has
// more than `limit` entries, the directories that were not looked into count as private.
void find_private_paths(const std::string& tree, std::vector<std::string>& found, std::size_t limit = 100'000);
// The names in a directory, sorted; nothing where it can't be read.
std::optional<std::vector<ListedName>> list_directory(const std::string& path);
}  // namespace sbx
