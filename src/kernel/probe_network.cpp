#include "kernel/probe_network.h"

#include <fcntl.h>
#include <net/route.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <vector>

#include "base/text.h"
#include "base/unique_fd.h"
#include "kernel/kernel_file.h"

namespace sbx {
namespace {

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != line.npos;) {
    const auto end = std::min(line.find_first_of(" \t", at), line.size());
    found.push_back(line.substr(at, end - at));
    at = end;
  }
  return found;
}

std::uint64_t hex(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

bool leads_somewhere(std::uint64_t flags) { return (flags & RTF_UP) != 0 && (flags & RTF_REJECT) == 0; }

std::string find_program(const char* name) {
  for (const char* directory : {"/usr/bin/", "/usr/local/bin/", "/bin/"})
    if (std::string path = cat(directory, name); ::access(path.c_str(), X_OK) == 0) return path;
  return {};
}

}  // namespace

// Iface Destination Gateway Flags RefCnt Use Metric Mask ... (route(8) shows the same).
bool has_default_ipv4_route(const std::string& routes) {
  for (const auto line : split(routes, '\n')) {
    const auto fields = words(line);
    if (fields.size() >= 8 && fields[1] == "00000000" && fields[7] == "00000000" && leads_somewhere(hex(fields[3]))) return true;
  }
  return false;
}

// destination, its prefix length, source, its prefix length, next hop, metric, count, uses, flags, device; all hexadecimal.
bool has_default_ipv6_route(const std::string& routes) {
  for (const auto line : split(routes, '\n')) {
    const auto fields = words(line);
    if (fields.size() >= 10 && fields[0] == std::string(32, '0') && fields[1] == "00" && fields[9] != "lo" && leads_somewhere(hex(fields[8])))
      return true;
  }
  return false;
}

NetworkFacts probe_network() {
  NetworkFacts facts;
  const UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  facts.tun_errno = tun ? 0 : errno;
  facts.ipv4_route = has_default_ipv4_route(read_kernel_file("/proc/self/net/route"));
  facts.ipv6_route = has_default_ipv6_route(read_kernel_file("/proc/self/net/ipv6_route"));
  facts.pasta = find_program("pasta");
  facts.slirp4netns = find_program("slirp4netns");
  return facts;
}

}  // namespace sbx
