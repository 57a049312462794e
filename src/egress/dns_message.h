// The sandbox's DNS messages (RFC 1035, RFC 6891): a question read, an answer written. Reading is libresolv's.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "egress/address.h"

namespace sbx {

inline constexpr std::size_t dns_udp_least = 512;    // what every client takes
inline constexpr std::size_t dns_udp_most = 1232;    // what passes every path unfragmented; ours is a loopback, clients' buffers aren't

enum class DnsCode : std::uint8_t { ok = 0, format_error = 1, server_failure = 2, no_such_name = 3, not_implemented = 4, refused = 5 };

struct DnsQuestion {
  std::uint16_t id = 0;
  bool recursion_desired = false;
  bool checking_disabled = false;
  std::string name;                     // normalized; empty: no host name
  std::uint16_t type = 0, cls = 0;
  bool edns = false;
  std::size_t udp_size = dns_udp_least; // the largest answer over UDP
  std::vector<std::uint8_t> wire;       // the question section, in the client's own letter case
};

struct ReadQuestion {
  enum class Outcome : std::uint8_t { question, answer_with_code, drop } outcome = Outcome::drop;
  DnsCode code = DnsCode::ok;  // with answer_with_code: `question` has at least its id
  DnsQuestion question;
};
ReadQuestion read_dns_question(std::span<const std::uint8_t> message);

struct DnsAddress {
  IpAddress address;
  std::uint32_t ttl = 0;
  bool operator==(const DnsAddress&) const = default;
};
// Beyond `limit` bytes the records are left out and the message says that it is truncated.
std::vector<std::uint8_t> write_dns_answer(const DnsQuestion& question, DnsCode code, std::span<const DnsAddress> addresses, std::size_t limit);

}  // namespace sbx
