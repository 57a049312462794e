// The network helper of `sbx run --net filtered` and `--net learn`.
#pragma once
#include <optional>

#include "launch/launcher.h"
#include "net/filter_helper.h"
#include "state/registry.h"

namespace sbx {

class FilteredNetworkLaunch {
 public:
  // Does nothing unless the plan's network is a filtered one.
  FilteredNetworkLaunch(const LaunchPlan& plan, const std::string& id, Events& events);
  ~FilteredNetworkLaunch();
  FilteredNetworkLaunch(const FilteredNetworkLaunch&) = delete;
  FilteredNetworkLaunch& operator=(const FilteredNetworkLaunch&) = delete;
  void join(LaunchOptions& options);
  // After the end: the allow entries that were used, where they were to be learned.
  void tell_learned() const;

 private:
  Events& events_;
  void listen(const std::string& id);
  bool learn_ = false;
  std::string control_name_;  // in the registry's directory; empty: none
  std::optional<Registry> registry_;
  UniqueFd control_;
  std::optional<FilterHelper> helper_;
};

}  // namespace sbx
