#include "proxy/inside.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/text.h"
#include "egress/helper_words.h"
#include "proxy/netlink.h"
#include "proxy/redirect.h"

namespace sbx::proxy {
namespace {

constexpr int patience_ms = 10'000;
constexpr std::size_t most_sockets = 6;

bool is_own_namespace(int fd, const char* own) {
  struct stat theirs {}, ours {};
  return ::fstat(fd, &theirs) == 0 && ::stat(own, &ours) == 0 && theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

Result<> join(int user_namespace, int network_namespace) {
  // Who made the user namespace has every capability in it (user_namespaces(7)), which the network namespace belongs to.
  if (user_namespace >= 0 && !is_own_namespace(user_namespace, "/proc/self/ns/user") && ::setns(user_namespace, CLONE_NEWUSER) != 0)
    return fail_errno(Step::set_up_network, errno, "join the sandbox's user namespace");
  if (::setns(network_namespace, CLONE_NEWNET) != 0) return fail_errno(Step::set_up_network, errno, "join the sandbox's network namespace");
  return {};
}

Result<UniqueFd> bound(int family, int type, bool loopback, unsigned port) {
  UniqueFd fd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  int done = fd ? 0 : -1;
  if (done == 0 && family == AF_INET6) done = ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // Which address a question was sent to, so that the answer comes from there.
  if (done == 0 && type == SOCK_DGRAM)
    done = family == AF_INET ? ::setsockopt(fd.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on)
                             : ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  sockaddr_in v4{};
  v4.sin_family = AF_INET, v4.sin_port = htons(static_cast<std::uint16_t>(port));
  v4.sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6, v6.sin6_port = v4.sin_port;
  v6.sin6_addr = loopback ? in6addr_loopback : in6addr_any;
  if (done == 0)
    done = family == AF_INET ? ::bind(fd.get(), reinterpret_cast<sockaddr*>(&v4), sizeof v4)
                             : ::bind(fd.get(), reinterpret_cast<sockaddr*>(&v6), sizeof v6);
  if (done == 0 && type == SOCK_STREAM) done = ::listen(fd.get(), SOMAXCONN);
  if (done != 0) return fail_errno(Step::set_up_network, errno, cat("a socket at port ", port));
  return fd;
}

Result<std::vector<UniqueFd>> set_up(int user_namespace, int network_namespace, bool ipv6) {
  SBX_TRY(join(user_namespace, network_namespace));
  SBX_ASSIGN(auto netlink, Netlink::open());
  SBX_TRY(netlink.set_up_loopback(ipv6));
  std::vector<UniqueFd> out;
  for (const int family : {AF_INET, AF_INET6}) {
    if (family == AF_INET6 && !ipv6) continue;
    SBX_ASSIGN(auto tcp, bound(family, SOCK_STREAM, true, proxy_port));
    SBX_ASSIGN(auto dns_udp, bound(family, SOCK_DGRAM, false, 53));
    SBX_ASSIGN(auto dns_tcp, bound(family, SOCK_STREAM, false, 53));
    out.push_back(std::move(tcp)), out.push_back(std::move(dns_udp)), out.push_back(std::move(dns_tcp));
  }
  // The rules before the routes: with neither there is no way to anywhere.
  SBX_TRY(redirect_tcp(proxy_port));
  SBX_TRY(netlink.make_all_local(ipv6));
  return out;
}

union Control {
  char buffer[CMSG_SPACE(most_sockets * sizeof(int))];
  cmsghdr align;
};

// One packet: the sockets, or the error as its line.
[[noreturn]] void run_inside(int channel, int user_namespace, int network_namespace, bool ipv6) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const auto sockets = set_up(user_namespace, network_namespace, ipv6);
  std::string text = sockets ? std::string("+") : format_helper_answer(std::unexpected(sockets.error()));
  iovec part{text.data(), text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &part, message.msg_iovlen = 1;
  if (sockets) {
    std::array<int, most_sockets> numbers{};
    for (std::size_t i = 0; i < sockets->size(); ++i) numbers[i] = (*sockets)[i].get();
    control.align.cmsg_level = SOL_SOCKET, control.align.cmsg_type = SCM_RIGHTS;
    control.align.cmsg_len = CMSG_LEN(sockets->size() * sizeof(int));
    std::memcpy(CMSG_DATA(&control.align), numbers.data(), sockets->size() * sizeof(int));
    message.msg_control = control.buffer, message.msg_controllen = CMSG_SPACE(sockets->size() * sizeof(int));
  }
  static_cast<void>(::sendmsg(channel, &message, MSG_NOSIGNAL));
  ::_exit(0);
}

Result<InsideSockets> take_over(int channel) {
  const auto failed = [](std::string what) { return fail(Step::set_up_network, ErrorKind::system, std::move(what)); };
  pollfd entry{channel, POLLIN, 0};
  if (::poll(&entry, 1, patience_ms) != 1) return failed("the process inside the sandbox's network doesn't answer");
  std::array<char, 4096> text{};
  iovec part{text.data(), text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = control.buffer, message.msg_controllen = sizeof control.buffer;
  const auto count = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  if (count <= 0) return failed("the process inside the sandbox's network has died");
  if (text[0] != '+') {
    const auto told = parse_helper_answer({text.data(), static_cast<std::size_t>(count)});
    return told ? failed("the process inside the sandbox's network spoke out of turn") : fail(told.error());
  }
  std::array<int, most_sockets> numbers{};
  numbers.fill(-1);
  if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr && header->cmsg_type == SCM_RIGHTS)
    std::memcpy(numbers.data(), CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
  InsideSockets out;
  out.tcp4.reset(numbers[0]), out.dns_udp4.reset(numbers[1]), out.dns_tcp4.reset(numbers[2]);
  out.tcp6.reset(numbers[3]), out.dns_udp6.reset(numbers[4]), out.dns_tcp6.reset(numbers[5]);
  if (!out.tcp4 || !out.dns_udp4 || !out.dns_tcp4) return failed("the sandbox's network sent no sockets");
  return out;
}

}  // namespace

Result<InsideSockets> make_inside(int user_namespace, int network_namespace, bool ipv6) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno(Step::set_up_network, errno, "socketpair");
  UniqueFd ours(pair[0]), theirs(pair[1]);
  const pid_t pid = ::fork();
  if (pid == 0) run_inside(theirs.get(), user_namespace, network_namespace, ipv6);
  if (pid < 0) return fail_errno(Step::set_up_network, errno, "fork");
  theirs.reset();
  auto out = take_over(ours.get());
  if (!out) ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  return out;
}

}  // namespace sbx::proxy
