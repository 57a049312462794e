// What the program that serves a private network is told, and the rules inside it; as text.
#pragma once
#include <string>
#include <vector>

#include "net/host_addresses.h"
#include "plan/launch_plan.h"

namespace sbx {

std::vector<std::string> nat_command(const PrivateNetwork& network);

// For nft(8). Out of reach: loopback and multicast addresses, link-local ones (where clouds answer with credentials) and
// the host's own. `upstream`: the resolver that TCP questions go to; empty: the NAT program's affair.
std::string private_ruleset(const HostAddresses& host, const std::string& upstream);
// Takes further addresses of the host out of reach.
std::string more_host_addresses(const HostAddresses& host);

}  // namespace sbx
