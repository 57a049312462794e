#include "net/private_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/fault.h"
#include "base/text.h"
#include "kernel/cgroup.h"
#include "kernel/kernel_file.h"
#include "net/found_network.h"
#include "net/inside.h"
#include "net/nftables.h"
#include "net/private_commands.h"
#include "plan/private_addresses.h"
#include "spec/network_text.h"

namespace sbx {
namespace {

constexpr auto patience = std::chrono::seconds(20);
constexpr int confinement_tries = 5000;  // of a millisecond

Result<> set_sysctl(const char* path, const char* value) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};  // a kernel without IPv6
  if (!file || ::write(file.get(), value, 1) != 1) return fail_errno(Step::join_network, errno, path);
  return {};
}

// In the sandbox's network, before it has a device.
Result<std::vector<UniqueFd>> prepare_inside(const std::string& rules) {
  // Duplicates can't be: the NAT is the only neighbour. Detection would hold IPv6 up for a second or two.
  SBX_TRY(set_sysctl("/proc/sys/net/ipv6/conf/default/accept_dad", "0"));
  SBX_TRY(set_sysctl("/proc/sys/net/ipv6/conf/default/dad_transmits", "0"));
  SBX_TRY(set_sysctl("/proc/sys/net/ipv6/conf/default/accept_ra", "0"));
  SBX_TRY(load_ruleset(rules));
  std::vector<UniqueFd> sockets;
  sockets.emplace_back(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!sockets.back()) return fail_errno(Step::join_network, errno, "netlink");
  return sockets;
}

// pasta sends nothing in before it has seen a frame, whose sender it takes for the sandbox: a question for its own address.
Result<std::vector<UniqueFd>> announce() {
  const UniqueFd socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq device{};
  std::strcpy(device.ifr_name, private_device);
  sockaddr_ll everybody{};
  everybody.sll_family = AF_PACKET;
  everybody.sll_protocol = htons(ETH_P_ARP);
  everybody.sll_ifindex = static_cast<int>(::if_nametoindex(private_device));
  everybody.sll_halen = ETH_ALEN;
  std::memset(everybody.sll_addr, 0xff, ETH_ALEN);
  ether_arp question{};
  question.ea_hdr = {htons(ARPHRD_ETHER), htons(ETH_P_IP), ETH_ALEN, 4, htons(ARPOP_REQUEST)};
  ::inet_pton(AF_INET, private_ipv4, question.arp_spa);
  ::inet_pton(AF_INET, private_gateway_ipv4, question.arp_tpa);
  if (!socket || ::ioctl(socket.get(), SIOCGIFHWADDR, &device) != 0) return fail_errno(Step::join_network, errno, private_device);
  std::memcpy(question.arp_sha, device.ifr_hwaddr.sa_data, ETH_ALEN);
  if (::sendto(socket.get(), &question, sizeof question, 0, reinterpret_cast<const sockaddr*>(&everybody), sizeof everybody) < 0)
    return fail_errno(Step::join_network, errno, private_device);
  return std::vector<UniqueFd>();
}

UniqueFd copy(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

}  // namespace

PrivateNetworkService::PrivateNetworkService(PrivateNetwork network, Events& events, std::function<void(const std::string&)> tell)
    : network_(std::move(network)), events_(events), tell_(std::move(tell)) {}

PrivateNetworkService::~PrivateNetworkService() {
  events_.child_changed = {};
  if (address_changes_) events_.remove(address_changes_.get());
  if (helper_.words_fd() >= 0) events_.remove(helper_.words_fd());
}

Companion PrivateNetworkService::companion() {
  Companion companion;
  companion.needs_namespaces = true;
  companion.forked = [this] { return fork(); };
  companion.cloned = [this](const HeldSandbox& sandbox) { return start(sandbox); };
  companion.held = [this](const HeldSandbox& sandbox) { return wait(sandbox); };
  companion.started = [this](const StartedSandbox&) { watch(); };
  companion.receipt = [this] { return receipt(); };
  companion.losses = [this] { return losses_; };
  companion.ended = [this](const ExitReport&) { helper_.end(); };
  return companion;
}

Result<HelperProcess> PrivateNetworkService::fork() {
  if (const int error = fault_at(Step::start_network); error != 0) return fail_errno(Step::start_network, error, network_.path);
  SBX_ASSIGN(helper_, NetworkHelper::fork());
  return helper_.process();
}

Result<> PrivateNetworkService::start(const HeldSandbox& sandbox) {
  SBX_ASSIGN(known_, read_host_addresses());
  user_namespace_ = copy(sandbox.user_namespace);
  network_namespace_ = copy(sandbox.network_namespace);
  for (const Step step : {Step::join_network, Step::load_rules})
    if (const int error = fault_at(step); error != 0) return fail_errno(step, error, "the sandbox's network");
  // The rules first: there never is a device without them.
  const auto rules = private_ruleset(known_, upstream_nameserver());
  SBX_ASSIGN(auto sockets, run_inside(user_namespace_.get(), network_namespace_.get(), [&] { return prepare_inside(rules); }));
  inside_ = std::move(sockets.at(0));
  return helper_.start(user_namespace_.get(), network_namespace_.get(), nat_command(network_));
}

Result<> PrivateNetworkService::wait(const HeldSandbox& sandbox) {
  SBX_TRY(helper_.wait_ready(std::chrono::steady_clock::now() + patience));
  if (!network_.publish.empty()) SBX_TRY(run_inside(user_namespace_.get(), network_namespace_.get(), announce));
  if (sandbox.cgroup != nullptr) cgroup_ = sandbox.cgroup->path();
  // pasta tells that it is ready right before it loads its filter.
  auto confined = check_confinement();
  for (int tries = 0; !confined && tries < confinement_tries && helper_.fate().empty(); ++tries) {
    ::usleep(1000);
    confined = check_confinement();
  }
  return confined;
}

// Both programs lay down what they don't need before they take a packet; a build that doesn't is not trusted with any.
Result<> PrivateNetworkService::check_confinement() const {
  const auto status = read_kernel_file(cat("/proc/", helper_.pid(), "/status"));
  for (const auto& [name, value] : {std::pair{"Seccomp", "2"}, std::pair{"NoNewPrivs", "1"}})
    if (status.find(cat("\n", name, ":\t", value, "\n")) == std::string::npos)
      return fail(Step::start_network, ErrorKind::host, cat(helper_.name(), " runs without ", name, "=", value),
                  "install the distribution's own build of it");
  if (!cgroup_.empty()) {
    SBX_ASSIGN(const auto found, cgroup_of(helper_.pid()));
    if (!is_at_or_below(found, cgroup_))
      return fail(Step::start_network, ErrorKind::host, cat(helper_.name(), " is in cgroup ", found, ", not in the sandbox's ", cgroup_));
  }
  return {};
}

void PrivateNetworkService::watch() {
  events_.child_changed = [this] { look_at_helper(); };
  if (helper_.words_fd() >= 0) {
    // Nobody reads it: it must not fill up. What it holds is told when the program ends.
    std::ignore = events_.add(helper_.words_fd(), EPOLLIN, [this](std::uint32_t ready) {
      std::ignore = helper_.words();
      if ((ready & EPOLLHUP) != 0) events_.remove(helper_.words_fd());
    });
  }
  address_changes_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl name{};
  name.nl_family = AF_NETLINK;
  name.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (address_changes_ && ::bind(address_changes_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0)
    std::ignore = events_.add(address_changes_.get(), EPOLLIN, [this](std::uint32_t) { look_at_addresses(); });
  look_at_addresses();  // what came between the rules and now
  look_at_helper();
}

// Its end takes the device along (tun's is not persistent), and what is stopped answers nothing: closed in both cases.
void PrivateNetworkService::look_at_helper() {
  auto fate = helper_.fate();
  if (fate == told_) return;
  told_ = fate;
  if (fate.empty()) return tell_(cat(helper_.name(), " goes on: the command has its network again"));
  const auto reason = cat(helper_.name(), ", which serves the sandbox's network, ", fate);
  losses_.push_back({"network", reason, "run it again; journalctl and dmesg may tell who ended it", {}});
  tell_(cat(reason, ": the command has no network any more"));
}

// An address that the host gets later is its own as well.
void PrivateNetworkService::look_at_addresses() {
  char buffer[8192];
  while (address_changes_ && ::recv(address_changes_.get(), buffer, sizeof buffer, 0) > 0) continue;
  const auto now = read_host_addresses();
  HostAddresses fresh;
  const auto add_new = [](const std::vector<std::string>& all, std::vector<std::string>& known, std::vector<std::string>& out) {
    for (const auto& one : all)
      if (std::ranges::find(known, one) == known.end()) known.push_back(one), out.push_back(one);
  };
  if (now) add_new(now->ipv4, known_.ipv4, fresh.ipv4), add_new(now->ipv6, known_.ipv6, fresh.ipv6);
  const auto rules = more_host_addresses(fresh);
  if (now && rules.empty()) return;
  const auto done = now ? run_inside(user_namespace_.get(), network_namespace_.get(),
                                     [&]() -> Result<std::vector<UniqueFd>> { SBX_TRY(load_ruleset(rules)); return std::vector<UniqueFd>(); })
                        : Result<std::vector<UniqueFd>>(fail(now.error()));
  if (done) return;
  // What can't be shut off must not be open.
  helper_.end();
  const auto reason = cat("a new address of the host could not be shut off: ", format_error(done.error()));
  losses_.push_back({"network", reason, "", {}});
  told_ = helper_.fate();
  tell_(cat(reason, "; the command has no network any more"));
}

std::vector<ReceiptItem> PrivateNetworkService::receipt() const {
  std::vector<ReceiptItem> items;
  const auto found = found_network(inside_.get());
  const auto has = [&](const char* address) { return found && found->text.find(cat(" ", address, "/")) != std::string::npos; };
  const bool whole = found && found->devices == 2 && (!network_.ipv4 || has(private_ipv4)) &&
                     (!network_.ipv6 || network_.program == NatProgram::slirp4netns || has(private_ipv6));
  items.push_back({"network", cat("private: lo and ", private_device, ", by ", helper_.name()),
                   cat(found ? found->text : format_error(found.error()), "; ", helper_.name(), " is pid ", helper_.pid(),
                       cgroup_.empty() ? "" : " in the sandbox's cgroup", ", Seccomp=2, NoNewPrivs=1"), whole && check_confinement().has_value()});
  for (const auto& publish : network_.publish) {
    const bool open = is_bound(publish);
    items.push_back({"network", cat("publish ", publish_text(publish)), open ? "the port is open on the host" : "nobody listens there", open});
  }
  return items;
}

}  // namespace sbx
