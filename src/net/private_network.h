// A sandbox's private network during one launch: its NAT program and its rules, from before the clone to the end.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/events.h"
#include "launch/companion.h"
#include "net/helper.h"
#include "net/host_addresses.h"
#include "plan/launch_plan.h"

namespace sbx {

class PrivateNetworkService {
 public:
  // `events`: where it is told that the program ended, or that the host got another address; `tell`: how the user is told.
  PrivateNetworkService(PrivateNetwork network, Events& events, std::function<void(const std::string&)> tell);
  ~PrivateNetworkService();
  PrivateNetworkService(const PrivateNetworkService&) = delete;
  PrivateNetworkService& operator=(const PrivateNetworkService&) = delete;
  Companion companion();

 private:
  Result<HelperProcess> fork();
  Result<> start(const HeldSandbox& sandbox);
  Result<> wait(const HeldSandbox& sandbox);
  Result<> check_confinement() const;
  void watch();
  void look_at_helper();
  void look_at_addresses();
  std::vector<ReceiptItem> receipt() const;

  const PrivateNetwork network_;
  Events& events_;
  std::function<void(const std::string&)> tell_;
  NetworkHelper helper_;
  UniqueFd user_namespace_, network_namespace_;
  UniqueFd inside_;          // a netlink socket of the sandbox's network
  UniqueFd address_changes_; // one of the host's
  HostAddresses known_;
  std::string cgroup_;       // of the sandbox, where it has one
  std::string told_;         // of the helper's fate
  std::vector<Loss> losses_;
};

}  // namespace sbx
