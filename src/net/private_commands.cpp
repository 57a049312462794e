#include "net/private_commands.h"

#include "base/text.h"
#include "net/helper.h"
#include "plan/private_addresses.h"

namespace sbx {
namespace {

std::vector<std::string> pasta_command(const PrivateNetwork& network) {
  std::vector<std::string> words = {network.path, "--foreground", "--quiet", "--stderr", "--pid", helper_ready_path,
                                    // Joined already: it must not make a user namespace of its own, from which it couldn't enter.
                                    "--netns-only", "--netns", helper_network_path, "--config-net", "--ns-ifname", private_device,
                                    "--no-dhcp", "--no-dhcpv6", "--no-ra",
                                    // By default it opens the host's loopback in both directions.
                                    "--no-map-gw", "--tcp-ns", "none", "--udp-ns", "none"};
  const auto add = [&](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
  if (network.ipv4) add({"--address", private_ipv4, "--netmask", "255.255.255.0", "--gateway", private_gateway_ipv4, "--dns-forward", private_resolver_ipv4});
  if (network.ipv6) add({"--address", private_ipv6, "--gateway", private_gateway_ipv6, "--dns-forward", private_resolver_ipv6});
  if (!network.ipv6) add({"--ipv4-only"});
  if (!network.ipv4) add({"--ipv6-only"});
  for (const auto& [transport, option] : {std::pair{Transport::tcp, "--tcp-ports"}, std::pair{Transport::udp, "--udp-ports"}}) {
    bool any = false;
    for (const auto& publish : network.publish) {
      if (publish.transport != transport) continue;
      any = true;
      add({option, cat(publish.address, "/", publish.host_port, ":", publish.port)});
    }
    if (!any) add({option, "none"});
  }
  return words;
}

std::vector<std::string> slirp_command(const PrivateNetwork& network) {
  std::vector<std::string> words = {network.path, "--configure", "--mtu=65520", cat("--ready-fd=", helper_ready_descriptor),
                                    // Not --enable-sandbox: it insists on being uid 0. The helper's root is as small.
                                    "--netns-type=path", "--disable-host-loopback", "--enable-seccomp"};
  if (network.ipv6) words.emplace_back("--enable-ipv6");
  words.emplace_back(helper_network_path);
  words.emplace_back(private_device);
  return words;
}

std::string set_text(const char* name, const char* type, std::vector<std::string> elements) {
  return cat("  set ", name, " {\n    type ", type, "\n    flags interval\n    auto-merge\n    elements = { ", join(elements, ", "), " }\n  }\n");
}

}  // namespace

std::vector<std::string> nat_command(const PrivateNetwork& network) {
  return network.program == NatProgram::pasta ? pasta_command(network) : slirp_command(network);
}

// Routes wouldn't do: to a socket that is bound to a device the kernel takes an address without a route for a neighbour
// (ip_route_output_key_hash_rcu), and the NAT answers for every neighbour.
std::string private_ruleset(const HostAddresses& host, const std::string& upstream) {
  std::vector<std::string> closed4 = {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255"};
  std::vector<std::string> closed6 = {"::", "::1", "fe80::/10", "ff00::/8"};
  // The gateway stands for nothing but the way out.
  closed4.emplace_back(private_gateway_ipv4);
  closed6.emplace_back(private_gateway_ipv6);
  closed4.insert(closed4.end(), host.ipv4.begin(), host.ipv4.end());
  closed6.insert(closed6.end(), host.ipv6.begin(), host.ipv6.end());
  std::string text = "table inet sbx {\n";
  text += set_text("closed4", "ipv4_addr", std::move(closed4));
  text += set_text("closed6", "ipv6_addr", std::move(closed6));
  if (!upstream.empty())
    // pasta before 2024 forwards questions over UDP alone.
    text += cat("  chain resolver {\n    type nat hook output priority -100\n    ip daddr ", private_resolver_ipv4,
                " tcp dport 53 dnat ip to ", upstream, "\n  }\n");
  text += "  chain out {\n    type filter hook output priority 0\n    oifname \"lo\" accept\n";
  // Answers to what comes in by a published port, from wherever.
  text += "    ct direction reply accept\n";
  // The neighbours' protocol, without which IPv6 has no gateway.
  text += "    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept\n";
  if (!upstream.empty()) text += cat("    ip daddr ", upstream, " ct status dnat accept\n");
  text += cat("    ip daddr ", private_resolver_ipv4, " th dport != 53 reject with icmp type admin-prohibited\n");
  text += "    meta l4proto tcp ip6 daddr @closed6 reject with tcp reset\n";
  text += "    ip daddr @closed4 reject with icmp type admin-prohibited\n";
  text += "    ip6 daddr @closed6 reject with icmpv6 type admin-prohibited\n";
  return text + "  }\n}\n";
}

std::string more_host_addresses(const HostAddresses& host) {
  std::string text;
  if (!host.ipv4.empty()) text += cat("add element inet sbx closed4 { ", join(host.ipv4, ", "), " }\n");
  if (!host.ipv6.empty()) text += cat("add element inet sbx closed6 { ", join(host.ipv6, ", "), " }\n");
  return text;
}

}  // namespace sbx
