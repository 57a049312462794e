#include "net/found_network.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

#include "base/text.h"
#include "base/unique_fd.h"
#include "spec/network_text.h"

namespace sbx {
namespace {

// One dump; `take` gets each message. The socket is used for nothing else.
Result<> dump(int netlink, std::uint16_t type, const std::function<void(const nlmsghdr&)>& take) {
  struct {
    nlmsghdr header;
    rtgenmsg body;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.rtgen_family = AF_UNSPEC;
  if (::send(netlink, &request, request.header.nlmsg_len, 0) < 0) return fail_errno(Step::verify_receipt, errno, "netlink");
  const timeval patience{5, 0};
  ::setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  while (true) {
    const ssize_t size = ::recv(netlink, buffer.data(), buffer.size(), 0);
    if (size <= 0) return fail_errno(Step::verify_receipt, size == 0 ? EPIPE : errno, "netlink");
    auto left = static_cast<unsigned>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return {};
      if (header->nlmsg_type == NLMSG_ERROR) return fail(Step::verify_receipt, ErrorKind::system, "netlink refuses the dump");
      take(*header);
    }
  }
}

template <typename Body>
void each_attribute(const nlmsghdr& header, const std::function<void(const rtattr&)>& take) {
  auto left = static_cast<int>(header.nlmsg_len) - static_cast<int>(NLMSG_LENGTH(sizeof(Body)));
  auto* attribute = reinterpret_cast<const rtattr*>(reinterpret_cast<const char*>(&header) + NLMSG_LENGTH(NLMSG_ALIGN(sizeof(Body))));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) take(*attribute);
}

}  // namespace

Result<FoundNetwork> found_network(int netlink) {
  struct Device {
    std::string name, addresses;
  };
  std::map<unsigned, Device> devices;
  SBX_TRY(dump(netlink, RTM_GETLINK, [&](const nlmsghdr& header) {
    const auto* body = reinterpret_cast<const ifinfomsg*>(reinterpret_cast<const char*>(&header) + NLMSG_HDRLEN);
    if ((body->ifi_flags & IFF_UP) == 0) return;
    each_attribute<ifinfomsg>(header, [&](const rtattr& attribute) {
      if (attribute.rta_type == IFLA_IFNAME) devices[static_cast<unsigned>(body->ifi_index)].name = static_cast<const char*>(RTA_DATA(&attribute));
    });
  }));
  SBX_TRY(dump(netlink, RTM_GETADDR, [&](const nlmsghdr& header) {
    const auto* body = reinterpret_cast<const ifaddrmsg*>(reinterpret_cast<const char*>(&header) + NLMSG_HDRLEN);
    each_attribute<ifaddrmsg>(header, [&](const rtattr& attribute) {
      char text[INET6_ADDRSTRLEN];
      if (attribute.rta_type == IFA_ADDRESS && ::inet_ntop(body->ifa_family, RTA_DATA(&attribute), text, sizeof text) != nullptr)
        devices[body->ifa_index].addresses += cat(" ", text, "/", static_cast<int>(body->ifa_prefixlen));
    });
  }));
  FoundNetwork found;
  for (const auto& [index, device] : devices) {
    if (device.name.empty()) continue;
    ++found.devices;
    found.text += cat(found.text.empty() ? "" : ", ", device.name, device.addresses);
  }
  return found;
}

bool is_bound(const PublishSpec& publish) {
  const bool ipv6 = address_family(publish.address) == AddressFamily::ipv6;
  const UniqueFd socket(::socket(ipv6 ? AF_INET6 : AF_INET, (publish.transport == Transport::udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
  sockaddr_in6 name6{};
  name6.sin6_family = AF_INET6;
  name6.sin6_port = htons(publish.host_port);
  sockaddr_in name4{};
  name4.sin_family = AF_INET;
  name4.sin_port = htons(publish.host_port);
  ::inet_pton(ipv6 ? AF_INET6 : AF_INET, publish.address.c_str(), ipv6 ? static_cast<void*>(&name6.sin6_addr) : &name4.sin_addr);
  const auto* name = ipv6 ? reinterpret_cast<const sockaddr*>(&name6) : reinterpret_cast<const sockaddr*>(&name4);
  return socket && ::bind(socket.get(), name, ipv6 ? sizeof name6 : sizeof name4) != 0 && errno == EADDRINUSE;
}

}  // namespace sbx
