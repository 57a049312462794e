// What a filtered network lets out: the entries of network.allow and network.deny as values, and what they cover.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "egress/address.h"

namespace sbx {

enum class Protocol : std::uint8_t { tcp, udp };
constexpr std::string_view protocol_name(Protocol protocol) { return protocol == Protocol::tcp ? "tcp" : "udp"; }

// A host name as names are compared here: lower case, no dot at the end, international names in their ASCII form
// ("xn--..."). Empty: no host name.
std::string normalize_name(std::string_view text);

struct ExactName { std::string name; bool operator==(const ExactName&) const = default; };
// "*.example.org": every name below it, at any depth, and not example.org itself. Empty: "*", every name.
struct NamesBelow { std::string domain; bool operator==(const NamesBelow&) const = default; };
struct Network { IpAddress address; unsigned bits = 128; bool operator==(const Network&) const = default; };

// [tcp/|udp/]TARGET[:PORT[-PORT]]; TARGET is NAME, *.DOMAIN, *, IPV4[/BITS], [IPV6][/BITS], or IPV6 where no port follows.
struct NetRule {
  Protocol protocol = Protocol::tcp;
  std::variant<ExactName, NamesBelow, Network> target;
  std::uint16_t first_port = 0, last_port = 65535;
  bool operator==(const NetRule&) const = default;
  bool any_port() const { return first_port == 0; }
};

// The error's `what` says what is wrong, without the entry's own text and place, which the caller knows.
Result<NetRule> parse_rule(std::string_view text);
// The canonical text: parse_rule gives the same value back.
std::string format_rule(const NetRule& rule);

struct NetRules {
  std::vector<NetRule> allow, deny;
  bool allow_all = false;  // learning: all that no deny entry covers
};

// Names are normalized ones. `deny` wins. By name: what an address rule says isn't asked.
bool name_may_connect(const NetRules& rules, Protocol protocol, std::string_view name, std::uint16_t port);
// A name that some port is allowed for: the resolver answers it.
bool name_may_resolve(const NetRules& rules, std::string_view name);
// The address itself is named, by an address or a network.
bool address_may_connect(const NetRules& rules, Protocol protocol, const IpAddress& address, std::uint16_t port);
bool address_is_denied(const NetRules& rules, Protocol protocol, const IpAddress& address, std::uint16_t port);
// An inner address in an answer is passed on only where a rule names it, for whatever port.
bool address_may_be_answered(const NetRules& rules, const IpAddress& address);

}  // namespace sbx
