#include "egress/rules.h"

#include <algorithm>

#include "base/text.h"

namespace sbx {
namespace {

std::unexpected<Error> wrong(std::string what) {
  return fail(Step::lower_profile, ErrorKind::profile, std::move(what));
}

bool is_label_character(char c) {
  // The underscore is no host name's, but names of services have it.
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// All digits and dots (or 0x...): some libraries read such a thing as an address, however short ("127.1", inet_aton(3)).
bool looks_like_an_address(std::string_view name) {
  const auto last = name.substr(name.rfind('.') + 1);
  if (std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; })) return true;
  return last.starts_with("0x") && std::ranges::all_of(last.substr(2), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<> read_ports(std::string_view text, NetRule& rule) {
  const auto dash = text.find('-');
  const auto first = parse_number(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_number(text.substr(dash + 1));
  if (!first || !last || *first < 1 || *last > 65535 || *first > *last)
    return wrong(cat("\"", text, "\" is no port from 1 to 65535 and no range FIRST-LAST of them"));
  rule.first_port = static_cast<std::uint16_t>(*first), rule.last_port = static_cast<std::uint16_t>(*last);
  return {};
}

Result<> read_network(std::string_view address, std::string_view bits, NetRule& rule) {
  const auto parsed = parse_address(address);
  if (!parsed) return wrong(cat("\"", address, "\" is no address"));
  const unsigned all = parsed->is_v4() ? 32 : 128, head = 128 - all;
  Network network{*parsed, 128};
  if (!bits.empty()) {
    const auto number = parse_number(bits.substr(1));
    if (!number || *number > all) return wrong(cat("the prefix ", bits, " isn't a number from 0 to ", all));
    network.bits = head + static_cast<unsigned>(*number);
    for (unsigned bit = network.bits; bit < 128; ++bit)
      if ((network.address.bytes[bit / 8] & (0x80U >> bit % 8)) != 0)
        return wrong(cat(address, bits, " has bits beyond its prefix"));
  }
  rule.target = network;
  return {};
}

Result<> read_name(std::string_view text, NetRule& rule) {
  const bool below = text.starts_with("*.");
  if (text == "*") {
    rule.target = NamesBelow{};
    return {};
  }
  if (text.find('*') != text.npos && (!below || text.find('*', 1) != text.npos))
    return wrong("* stands for the first label alone (*.example.org), or for every name where nothing follows");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return wrong("a name is written in ASCII: an international one in its form with xn--");
  const std::string name = normalize_name(below ? text.substr(2) : text);
  if (name.empty()) return wrong(cat("\"", text, "\" is no host name, address or network"));
  if (below) rule.target = NamesBelow{name};
  else rule.target = ExactName{name};
  return {};
}

bool name_covered(const NetRule& rule, std::string_view name) {
  if (const auto* exact = std::get_if<ExactName>(&rule.target)) return exact->name == name;
  if (const auto* below = std::get_if<NamesBelow>(&rule.target))
    return below->domain.empty() || (name.size() > below->domain.size() + 1 && name.ends_with(below->domain) &&
                                     name[name.size() - below->domain.size() - 1] == '.');
  return false;
}

bool address_covered(const NetRule& rule, const IpAddress& address) {
  const auto* network = std::get_if<Network>(&rule.target);
  // A rule for IPv6 networks means no IPv4 address by its mapped form.
  return network != nullptr && network->address.is_v4() == address.is_v4() && in_prefix(address, network->address, network->bits);
}

bool port_covered(const NetRule& rule, Protocol protocol, std::uint16_t port) {
  return rule.protocol == protocol && port >= rule.first_port && port <= rule.last_port;
}

}  // namespace

std::string normalize_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (out.empty() || out.size() > 253 || looks_like_an_address(out)) return {};
  for (const auto label : split(out, '.'))
    if (label.empty() || label.size() > 63 || !std::ranges::all_of(label, is_label_character)) return {};
  return out;
}

Result<NetRule> parse_rule(std::string_view text) {
  NetRule rule;
  auto rest = text;
  if (rest.starts_with("udp/")) rule.protocol = Protocol::udp, rest.remove_prefix(4);
  else if (rest.starts_with("tcp/")) rest.remove_prefix(4);
  if (rest.empty()) return wrong("it names no host");
  if (const auto scheme = rest.find("://"); scheme != rest.npos) return wrong("a rule is no URL: write HOST:PORT");

  std::string_view target = rest, bits;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == rest.npos) return wrong("the bracket [ isn't closed");
    target = rest.substr(1, close - 1), rest = rest.substr(close + 1);
  } else if (parse_address(rest.substr(0, rest.find('/'))) && rest.find(':') != rest.npos && rest.find('.') == rest.npos) {
    // A bare IPv6 address: its colons are no port's.
    target = rest.substr(0, rest.find('/')), rest = rest.substr(target.size());
  } else {
    target = rest.substr(0, rest.find_first_of("/:")), rest = rest.substr(target.size());
  }
  if (const auto slash = target.find('/'); slash != target.npos) bits = target.substr(slash), target = target.substr(0, slash);
  if (rest.starts_with('/')) bits = rest.substr(0, rest.find(':')), rest = rest.substr(bits.size());
  if (!rest.empty()) {
    if (rest[0] != ':') return wrong(cat("\"", rest, "\" is left over; a port is written :PORT"));
    SBX_TRY(read_ports(rest.substr(1), rule));
  }
  if (rule.protocol == Protocol::udp && (rule.any_port() || rule.last_port != rule.first_port))
    return wrong("a rule for UDP names one port");
  const bool bracketed = text.find('[') != text.npos;
  if (!bits.empty() || bracketed || parse_address(target)) SBX_TRY(read_network(target, bits, rule));
  else SBX_TRY(read_name(target, rule));
  return rule;
}

std::string format_rule(const NetRule& rule) {
  std::string out = rule.protocol == Protocol::udp ? "udp/" : "";
  if (const auto* exact = std::get_if<ExactName>(&rule.target)) out += exact->name;
  if (const auto* below = std::get_if<NamesBelow>(&rule.target)) out += below->domain.empty() ? "*" : cat("*.", below->domain);
  if (const auto* network = std::get_if<Network>(&rule.target)) {
    const bool v4 = network->address.is_v4();
    out += v4 ? format_address(network->address) : cat("[", format_address(network->address), "]");
    if (network->bits != 128) out += cat("/", network->bits - (v4 ? 96U : 0U));
  }
  if (!rule.any_port()) out += cat(":", rule.first_port);
  if (!rule.any_port() && rule.last_port != rule.first_port) out += cat("-", rule.last_port);
  return out;
}

bool name_may_connect(const NetRules& rules, Protocol protocol, std::string_view name, std::uint16_t port) {
  const auto covers = [&](const NetRule& rule) { return port_covered(rule, protocol, port) && name_covered(rule, name); };
  return (rules.allow_all || std::ranges::any_of(rules.allow, covers)) && std::ranges::none_of(rules.deny, covers);
}

bool name_may_resolve(const NetRules& rules, std::string_view name) {
  const auto covers = [&](const NetRule& rule) { return name_covered(rule, name); };
  // A deny entry for some ports leaves the name to others.
  const auto refuses = [&](const NetRule& rule) { return rule.any_port() && rule.protocol == Protocol::tcp && name_covered(rule, name); };
  return (rules.allow_all || std::ranges::any_of(rules.allow, covers)) && std::ranges::none_of(rules.deny, refuses);
}

bool address_may_connect(const NetRules& rules, Protocol protocol, const IpAddress& address, std::uint16_t port) {
  const auto covers = [&](const NetRule& rule) { return port_covered(rule, protocol, port) && address_covered(rule, address); };
  return (rules.allow_all || std::ranges::any_of(rules.allow, covers)) && std::ranges::none_of(rules.deny, covers);
}

bool address_is_denied(const NetRules& rules, Protocol protocol, const IpAddress& address, std::uint16_t port) {
  return std::ranges::any_of(rules.deny, [&](const NetRule& rule) { return port_covered(rule, protocol, port) && address_covered(rule, address); });
}

bool address_may_be_answered(const NetRules& rules, const IpAddress& address) {
  if (!is_inner_address(address) || rules.allow_all) return true;
  return std::ranges::any_of(rules.allow, [&](const NetRule& rule) { return address_covered(rule, address); });
}

}  // namespace sbx
