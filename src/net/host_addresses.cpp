#include "net/host_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cerrno>
#include <memory>

#include "base/text.h"
#include "kernel/kernel_file.h"
#include "spec/network_text.h"

namespace sbx {

Result<HostAddresses> read_host_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return fail_errno(Step::start_network, errno, "the host's addresses");
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  HostAddresses addresses;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    char text[INET6_ADDRSTRLEN];
    if (one->ifa_addr->sa_family == AF_INET) {
      const auto& address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
      if ((ntohl(address.s_addr) >> 24) == 127 || ::inet_ntop(AF_INET, &address, text, sizeof text) == nullptr) continue;
      addresses.ipv4.emplace_back(text);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      const auto& address = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_LINKLOCAL(&address) || ::inet_ntop(AF_INET6, &address, text, sizeof text) == nullptr) continue;
      addresses.ipv6.emplace_back(text);
    }
  }
  return addresses;
}

std::vector<std::string> nameservers(const std::string& resolv_conf) {
  std::vector<std::string> found;
  for (std::string_view line : split(resolv_conf, '\n')) {
    constexpr std::string_view key = "nameserver";
    if (!line.starts_with(key) || line.size() <= key.size() || (line[key.size()] != ' ' && line[key.size()] != '\t')) continue;
    line.remove_prefix(key.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    line = line.substr(0, line.find_first_of(" \t\r%#;"));
    if (address_family(line) != AddressFamily::none) found.emplace_back(line);
  }
  return found;
}

std::string upstream_nameserver() {
  // Where resolv.conf names systemd-resolved's stub, the other file names the servers that it asks (systemd-resolved(8)).
  for (const char* file : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"})
    for (const auto& server : nameservers(read_kernel_file(file)))
      if (address_family(server) == AddressFamily::ipv4 && !server.starts_with("127.") && server != "0.0.0.0") return server;
  return {};
}

}  // namespace sbx
