// The tree of mounts as operations in order: parents first, mount points made, hidden paths last.
#pragma once
#include <set>

#include "base/result.h"
#include "plan/launch_plan.h"
#include "plan/mount_tree.h"

namespace sbx {

class MountOrder {
 public:
  MountOrder(const SandboxSpec& spec, MountTree& tree, LaunchPlan& plan) : spec_(spec), tree_(tree), plan_(plan) {}
  Result<> add(const MountItem& item);
  void hide(const std::string& target, bool directory, const Origin& origin, const PathFact& fact = {});
  // A path that isn't there: kept absent in a read-only tree, covered in one that the payload can write.
  Result<> hide_absent(const std::string& target, bool directory, const Origin& origin);
  // Puts everything into the plan.
  Result<> finish();

 private:
  struct Ranked {
    std::string key;  // a target; a parent's is a prefix of its children's
    int rank = 0;
    PlannedMount mount;
  };
  struct Layer {
    std::map<std::string, LayerEntry> entries;
    Origin origin;
  };
  // Where names are missing below a host directory: the deepest directory that exists, and the rest.
  struct Gap {
    std::string parent;
    std::vector<std::string> missing;
  };

  Result<> add_name(const MountItem& item, const MountItem& over);
  Result<> make_mount_point(const MountItem& item, const MountItem& over);
  Result<> make_in_bind(const MountItem& item, const MountItem& over);
  Result<> add_to_layer(const std::string& target, const LayerEntry& entry, const MountItem& over, const Origin& origin);
  Result<> add_placeholders(const std::string& target, bool directory, const MountItem& over, const Origin& origin);
  Result<Gap> find_gap(const std::string& target, const MountItem& over, const Origin& origin) const;
  Result<> finish_layers();
  Result<> finish_layer(const std::string& target, Layer& layer);
  Result<> assemble(const std::string& target, const std::string& on_host, const Layer& layer, const MountItem& over);
  void put(const std::string& key, int rank, MountOperation operation, const Origin& origin);

  const SandboxSpec& spec_;
  MountTree& tree_;
  LaunchPlan& plan_;
  std::vector<Ranked> ranked_;
  std::vector<PlannedMount> hides_, seals_;
  std::map<std::string, Layer> layers_;
  std::set<std::string> placeholders_;  // by host path
};

}  // namespace sbx
