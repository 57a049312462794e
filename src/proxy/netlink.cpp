#include "proxy/netlink.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "kernel/session.h"

namespace sbx::proxy {
namespace {

// Of the networks for benchmarks (RFC 2544) and of unique local addresses: they lead nowhere outside.
constexpr const char* own_v4 = "198.18.0.1";
constexpr const char* own_v6 = "fd73:6278::1";

std::array<std::uint8_t, 16> address_bytes(int family, const char* text) {
  std::array<std::uint8_t, 16> out{};
  ::inet_pton(family, text, out.data());
  return out;
}

// A request: header, family's header, attributes.
template <typename Body>
struct Request {
  nlmsghdr header{};
  Body body{};
  std::array<char, 128> attributes{};

  Request(int type, int flags) {
    header.nlmsg_type = static_cast<std::uint16_t>(type);
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    header.nlmsg_len = NLMSG_LENGTH(sizeof(Body));
  }
  void add(int type, const void* data, std::size_t size) {
    auto* attribute = reinterpret_cast<rtattr*>(reinterpret_cast<char*>(this) + NLMSG_ALIGN(header.nlmsg_len));
    attribute->rta_type = static_cast<std::uint16_t>(type);
    attribute->rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
    std::memcpy(RTA_DATA(attribute), data, size);
    header.nlmsg_len = NLMSG_ALIGN(header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
  }
};

}  // namespace

Result<Netlink> Netlink::open() {
  Netlink out;
  out.socket_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!out.socket_) return fail_errno(Step::set_up_network, errno, "rtnetlink");
  const timeval patience{5, 0};
  ::setsockopt(out.socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  out.loopback_ = ::if_nametoindex("lo");
  if (out.loopback_ == 0) return fail_errno(Step::set_up_network, errno, "lo");
  return out;
}

Result<> Netlink::ask(const void* message, std::size_t size, const char* what) {
  std::array<char, 4096> answer;
  if (::send(socket_.get(), message, size, 0) < 0) return fail_errno(Step::set_up_network, errno, what);
  const auto count = ::recv(socket_.get(), answer.data(), answer.size(), 0);
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (count < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))) || header->nlmsg_type != NLMSG_ERROR)
    return fail_errno(Step::set_up_network, count < 0 ? errno : EBADMSG, what);
  const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
  if (error->error != 0 && error->error != -EEXIST) return fail_errno(Step::set_up_network, -error->error, what);
  return {};
}

Result<> Netlink::set_up_loopback(bool ipv6) {
  if (const int error = bring_up_loopback(); error != 0) return fail_errno(Step::set_up_network, -error, "lo");
  for (const int family : {AF_INET, AF_INET6}) {
    if (family == AF_INET6 && !ipv6) continue;
    const auto bytes = address_bytes(family, family == AF_INET ? own_v4 : own_v6);
    const std::size_t size = family == AF_INET ? 4 : 16;
    Request<ifaddrmsg> request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    request.body.ifa_family = static_cast<std::uint8_t>(family);
    request.body.ifa_prefixlen = static_cast<std::uint8_t>(size * 8);
    request.body.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
    request.body.ifa_index = loopback_;
    request.add(IFA_LOCAL, bytes.data(), size);
    SBX_TRY(ask(&request, request.header.nlmsg_len, "an address for lo"));
  }
  return {};
}

Result<> Netlink::make_all_local(bool ipv6) {
  for (const int family : {AF_INET, AF_INET6}) {
    if (family == AF_INET6 && !ipv6) continue;
    Request<rtmsg> request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
    request.body.rtm_family = static_cast<std::uint8_t>(family);
    request.body.rtm_table = RT_TABLE_LOCAL;
    request.body.rtm_protocol = RTPROT_STATIC;
    request.body.rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    request.body.rtm_type = RTN_LOCAL;
    request.add(RTA_OIF, &loopback_, sizeof loopback_);
    // Without one the kernel takes the destination for the source, too.
    const auto source = address_bytes(family, family == AF_INET ? own_v4 : own_v6);
    request.add(RTA_PREFSRC, source.data(), family == AF_INET ? 4 : 16);
    SBX_TRY(ask(&request, request.header.nlmsg_len, "a route to every address"));
  }
  return {};
}

}  // namespace sbx::proxy
