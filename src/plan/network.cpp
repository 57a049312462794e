// What serves the sandbox's network, and whether this host can have it.
#include <cerrno>

#include "base/text.h"
#include "plan/subjects.h"

namespace sbx {
namespace {

std::unexpected<Error> lacks(const SandboxSpec& spec, std::string_view what, std::string hint) {
  return fail(Step::make_plan, ErrorKind::host, cat("network.mode = \"private\" (", spec.network.origin, ") can't be had: ", what), std::move(hint));
}

}  // namespace

Result<PrivateNetwork> plan_private_network(const SandboxSpec& spec, const NetworkFacts& facts) {
  PrivateNetwork network;
  if (facts.pasta.empty() && facts.slirp4netns.empty())
    return lacks(spec, "neither pasta nor slirp4netns is installed", "install pasta (Debian, Fedora: package passt)");
  if (facts.tun_errno != 0)
    return lacks(spec, cat("/dev/net/tun: ", errno_text(facts.tun_errno)),
                 facts.tun_errno == ENOENT || facts.tun_errno == ENODEV || facts.tun_errno == ENXIO
                     ? "load the kernel's module tun: modprobe tun"
                     : "as root: chmod 0666 /dev/net/tun, as udev's own rules do");
  if (!facts.ipv4_route && !facts.ipv6_route)
    return lacks(spec, "this host has no default route", "connect it to a network, or set network.mode = \"none\"");
  network.program = facts.pasta.empty() ? NatProgram::slirp4netns : NatProgram::pasta;
  network.path = facts.pasta.empty() ? facts.slirp4netns : facts.pasta;
  network.ipv4 = facts.ipv4_route;
  network.ipv6 = facts.ipv6_route;
  network.publish = spec.network.publish;
  if (network.program == NatProgram::slirp4netns) {
    network.ipv4 = true;  // it has no other mode
    if (!network.publish.empty())
      return lacks(spec, cat("slirp4netns, which is all there is here, publishes no ports (", network.publish[0].origin, ")"),
                   "install pasta (Debian, Fedora: package passt)");
  }
  return network;
}

}  // namespace sbx
