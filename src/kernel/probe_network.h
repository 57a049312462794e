// What user-mode networking finds on this host.
#pragma once
#include <string>

#include "plan/host_facts.h"

namespace sbx {

NetworkFacts probe_network();
// The texts of /proc/net/route and /proc/net/ipv6_route: whether there is a default route that leads somewhere.
bool has_default_ipv4_route(const std::string& routes);
bool has_default_ipv6_route(const std::string& routes);

}  // namespace sbx
