// The host's own addresses and resolvers, as its user-mode network must know them.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace sbx {

struct HostAddresses {
  std::vector<std::string> ipv4, ipv6;  // of every device, loopback's left out
  bool operator==(const HostAddresses&) const = default;
};
Result<HostAddresses> read_host_addresses();

// The nameservers of a resolv.conf(5), without a zone.
std::vector<std::string> nameservers(const std::string& resolv_conf);
// The first one that is no loopback address of this host: what a stub such as systemd-resolved asks itself. IPv4 alone;
// empty where there is none.
std::string upstream_nameserver();

}  // namespace sbx
