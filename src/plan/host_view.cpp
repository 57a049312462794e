#include "plan/host_view.h"

namespace sbx {

HostView::HostView(const HostFacts& facts, HostQuestions* questions) : facts_(facts), questions_(questions) {
  by_real_path_.reserve(facts.paths.size());
  for (const auto& [name, fact] : facts.paths)
    if (fact.kind != FileKind::absent) by_real_path_.emplace(fact.real_path, &fact);
}

const PathFact& HostView::look(const std::string& path) {
  static const PathFact absent;
  if (const auto it = facts_.paths.find(path); it != facts_.paths.end()) return it->second;
  if (const auto it = by_real_path_.find(path); it != by_real_path_.end()) return *it->second;
  if (questions_ != nullptr && asked_.emplace(path, true).second) questions_->paths.push_back(path);
  return absent;
}

const std::string* HostView::link(const std::string& path) const {
  const auto it = facts_.links.find(path);
  return it == facts_.links.end() ? nullptr : &it->second;
}

void HostView::need_mount_points() {
  if (questions_ != nullptr && !facts_.mount_points_known) questions_->mount_points = true;
}

const std::vector<ListedName>* HostView::listing(const std::string& path) {
  if (const auto it = facts_.listings.find(path); it != facts_.listings.end()) return &it->second;
  if (questions_ != nullptr) questions_->listings.push_back(path);
  return nullptr;
}

}  // namespace sbx
