// HostFacts as a planner asks them: by canonical path, and taking note of what isn't known yet.
#pragma once
#include <string_view>
#include <unordered_map>

#include "plan/host_facts.h"

namespace sbx {

class HostView {
 public:
  // `questions`: what isn't known is added there; null: it counts as absent.
  HostView(const HostFacts& facts, HostQuestions* questions);
  const HostFacts& facts() const { return facts_; }
  const PathFact& look(const std::string& path);
  // What the symlink at this canonical path says; null where none is known.
  const std::string* link(const std::string& path) const;
  void need_mount_points();
  // The names in a directory; null where they aren't known.
  const std::vector<ListedName>* listing(const std::string& path);

 private:
  const HostFacts& facts_;
  HostQuestions* questions_;
  std::unordered_map<std::string_view, const PathFact*> by_real_path_;
  std::map<std::string, bool> asked_;
};

}  // namespace sbx
