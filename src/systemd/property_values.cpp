#include "systemd/property_values.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "base/text.h"

namespace sbx {
namespace {

// As long as the kernel's largest CPU mask; anything above is a typing error that would only cost memory.
constexpr std::uint64_t largest_index = 8191;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

AddressPrefix prefix(int family, std::vector<std::uint8_t> first_bytes, std::uint32_t length) {
  first_bytes.resize(family == AF_INET ? 4 : 16);
  return {family, std::move(first_bytes), length};
}

std::optional<AddressPrefix> parse_prefix(std::string_view text) {
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  const std::size_t size = family == AF_INET ? 4 : 16;
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(family, address.c_str(), bytes.data()) != 1) return std::nullopt;
  std::uint64_t length = size * 8;
  if (slash != std::string_view::npos) {
    const auto given = parse_number(text.substr(slash + 1));
    if (!given || *given > length) return std::nullopt;
    length = *given;
  }
  for (std::size_t bit = length; bit < size * 8; ++bit)
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80U >> bit % 8));
  return AddressPrefix{family, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)},
                       static_cast<std::uint32_t>(length)};
}

std::optional<PortRule> parse_port_rule(std::string_view text) {
  PortRule rule;
  auto pieces = split(text, ':');
  if (pieces.size() > 1 && (pieces[0] == "ipv4" || pieces[0] == "ipv6")) {
    rule.family = pieces[0] == "ipv4" ? AF_INET : AF_INET6;
    pieces.erase(pieces.begin());
  }
  if (pieces.size() > 1 && (pieces[0] == "tcp" || pieces[0] == "udp")) {
    rule.protocol = pieces[0] == "tcp" ? IPPROTO_TCP : IPPROTO_UDP;
    pieces.erase(pieces.begin());
  }
  if (pieces.size() != 1) return std::nullopt;
  if (pieces[0] == "any") return rule;
  const auto ends = split(pieces[0], '-');
  const auto first = parse_port(ends.front());
  const auto last = parse_port(ends.back());
  if (ends.size() > 2 || !first || !last || *last < *first) return std::nullopt;
  rule.first = *first;
  rule.count = static_cast<std::uint16_t>(*last - *first + 1);
  return rule;
}

// Every word of `text` by `parse`; nothing where one fails or there is none.
template <typename T, typename Parse>
std::optional<std::vector<T>> parse_each(std::string_view text, Parse parse) {
  std::vector<T> out;
  for (const auto& word : words(text)) {
    const auto item = parse(word);
    if (!item) return std::nullopt;
    out.push_back(*item);
  }
  if (out.empty()) return std::nullopt;
  return out;
}

std::optional<std::int32_t> index_of(std::string_view word, std::initializer_list<std::pair<std::string_view, int>> names) {
  for (const auto& [name, number] : names)
    if (name == word) return number;
  return std::nullopt;
}

}  // namespace

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\n') word += c;
    else if (!word.empty()) out.push_back(std::exchange(word, {}));
  }
  if (!word.empty()) out.push_back(word);
  return out;
}

std::optional<bool> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"1", "yes", "y", "true", "t", "on"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "no", "n", "false", "f", "off"})
    if (text == no) return false;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_permyriad(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const auto point = text.find('.');
  const auto whole = parse_number(text.substr(0, point));
  if (!whole || *whole > UINT32_MAX) return std::nullopt;
  std::uint64_t hundredths = 0;
  if (point != std::string_view::npos) {
    const auto digits = text.substr(point + 1);
    const auto number = parse_number(digits);
    if (!number || digits.size() > 2) return std::nullopt;
    hundredths = digits.size() == 1 ? *number * 10 : *number;
  }
  return *whole * 100 + hundredths;
}

std::optional<std::uint32_t> parse_scale(std::string_view text) {
  const auto permyriad = parse_permyriad(text);
  if (!permyriad || *permyriad > 10000) return std::nullopt;
  return static_cast<std::uint32_t>((*permyriad * UINT32_MAX + 5000) / 10000);
}

std::optional<std::uint64_t> parse_bandwidth(std::string_view text) {
  if (text == "infinity") return UINT64_MAX;
  static constexpr std::string_view letters = "KMGT";
  std::uint64_t unit = 1;
  if (!text.empty())
    if (const auto at = letters.find(text.back()); at != std::string_view::npos) {
      for (std::size_t i = 0; i <= at; ++i) unit *= 1000;
      text.remove_suffix(1);
    }
  const auto number = parse_number(text);
  if (!number || *number > UINT64_MAX / unit) return std::nullopt;
  return *number * unit;
}

std::optional<std::vector<std::uint8_t>> parse_index_set(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, ',', ' ');
  std::vector<std::uint8_t> mask;
  for (const auto& word : words(spaced)) {
    const auto ends = split(word, '-');
    const auto first = parse_number(ends.front());
    const auto last = parse_number(ends.back());
    if (ends.size() > 2 || !first || !last || *last < *first || *last > largest_index) return std::nullopt;
    if (mask.size() <= *last / 8) mask.resize(*last / 8 + 1);
    for (auto i = *first; i <= *last; ++i) mask[i / 8] = static_cast<std::uint8_t>(mask[i / 8] | 1U << i % 8);
  }
  if (mask.empty()) return std::nullopt;
  return mask;
}

std::optional<std::int32_t> parse_signal(std::string_view text) {
  if (const auto number = parse_number(text))
    return *number >= 1 && *number < static_cast<std::uint64_t>(NSIG) ? std::optional(static_cast<std::int32_t>(*number))
                                                                       : std::nullopt;
  if (text.starts_with("SIG")) text.remove_prefix(3);
  for (int signal = 1; signal < NSIG; ++signal)
    if (const char* name = ::sigabbrev_np(signal); name != nullptr && text == name) return signal;
  return std::nullopt;
}

std::optional<std::vector<AddressPrefix>> parse_addresses(std::string_view text) {
  // The symbolic names of systemd.resource-control(5), IPAddressAllow=.
  static const std::pair<std::string_view, std::array<AddressPrefix, 2>> symbols[] = {
      {"any", {prefix(AF_INET, {}, 0), prefix(AF_INET6, {}, 0)}},
      {"localhost", {prefix(AF_INET, {127}, 8), prefix(AF_INET6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128)}},
      {"link-local", {prefix(AF_INET, {169, 254}, 16), prefix(AF_INET6, {0xfe, 0x80}, 64)}},
      {"multicast", {prefix(AF_INET, {224}, 4), prefix(AF_INET6, {0xff}, 8)}}};
  std::vector<AddressPrefix> out;
  for (const auto& word : words(text)) {
    const auto* symbol = std::ranges::find(symbols, std::string_view(word), [](const auto& entry) { return entry.first; });
    if (symbol != std::end(symbols)) {
      out.insert(out.end(), symbol->second.begin(), symbol->second.end());
      continue;
    }
    const auto one = parse_prefix(word);
    if (!one) return std::nullopt;
    out.push_back(*one);
  }
  if (out.empty()) return std::nullopt;
  return out;
}

std::optional<std::vector<PortRule>> parse_ports(std::string_view text) {
  return parse_each<PortRule>(text, parse_port_rule);
}

std::optional<std::vector<NftSet>> parse_nft_sets(std::string_view text) {
  return parse_each<NftSet>(text, [](const std::string& word) -> std::optional<NftSet> {
    const auto pieces = split(word, ':');
    if (pieces.size() != 4 || pieces[2].empty() || pieces[3].empty()) return std::nullopt;
    // systemd's NFTSetSource; the kernel's NFPROTO_*.
    const auto source = index_of(pieces[0], {{"cgroup", 3}, {"user", 4}, {"group", 5}});
    const auto family =
        index_of(pieces[1], {{"inet", 1}, {"ip", 2}, {"arp", 3}, {"netdev", 5}, {"bridge", 7}, {"ip6", 10}});
    if (!source || !family) return std::nullopt;
    return NftSet{*source, *family, std::string(pieces[2]), std::string(pieces[3])};
  });
}

}  // namespace sbx
