#include "profile/values.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/text.h"
#include "egress/rules.h"
#include "spec/capability_names.h"
#include "spec/network_text.h"
#include "spec/sandbox_spec.h"

namespace sbx {
namespace {

constexpr std::uint64_t unlimited = UINT64_MAX;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool all_of(std::string_view text, std::string_view also) {
  return std::ranges::all_of(text, [&](char c) { return is_digit(c) || is_letter(c) || also.find(c) != also.npos; });
}

Complaint one_of(std::string_view text, const std::vector<std::string_view>& words) {
  if (std::ranges::find(words, text) != words.end()) return std::nullopt;
  std::string allowed = "one of ";
  for (const auto word : words) allowed += cat(word == words.front() ? "" : ", ", word);
  if (const auto near = nearest(text, words)) allowed += cat(" (did you mean ", *near, "?)");
  return allowed;
}

std::optional<std::uint64_t> rlimit_number(std::string_view text, bool bytes) {
  if (text == "unlimited" || text == "infinity") return unlimited;
  return bytes ? parse_bytes(text) : parse_number(text);
}

}  // namespace

const std::vector<RlimitName>& rlimit_names() {
  static const std::vector<RlimitName> names = {
      {"as", RLIMIT_AS, true},           {"core", RLIMIT_CORE, true},      {"cpu", RLIMIT_CPU, false},
      {"data", RLIMIT_DATA, true},       {"fsize", RLIMIT_FSIZE, true},    {"locks", RLIMIT_LOCKS, false},
      {"memlock", RLIMIT_MEMLOCK, true}, {"msgqueue", RLIMIT_MSGQUEUE, true}, {"nice", RLIMIT_NICE, false},
      {"nofile", RLIMIT_NOFILE, false},  {"nproc", RLIMIT_NPROC, false},   {"rss", RLIMIT_RSS, true},
      {"rtprio", RLIMIT_RTPRIO, false},  {"rttime", RLIMIT_RTTIME, false}, {"sigpending", RLIMIT_SIGPENDING, false},
      {"stack", RLIMIT_STACK, true}};
  return names;
}

std::optional<CpuMax> parse_cpu_max(std::string_view text) {
  CpuMax out;
  if (text.ends_with('%')) {
    // One decimal: a thousandth of a CPU is the least that a period of 100 ms can give (the kernel wants 1 ms).
    text.remove_suffix(1);
    const auto dot = text.find('.');
    const auto whole = parse_number(text.substr(0, dot));
    const auto tenth = dot == text.npos ? std::optional<std::uint64_t>(0) : parse_number(text.substr(dot + 1));
    if (!whole || !tenth || *tenth > 9 || *whole > 1'000'000) return std::nullopt;
    out.quota_us = *whole * 1000 + *tenth * 100;
    return out.quota_us >= 1000 ? std::optional(out) : std::nullopt;
  }
  const auto space = text.find(' ');
  const auto quota = text.substr(0, space);
  if (quota == "max") {
    out.quota_us = unlimited;
  } else {
    const auto number = parse_number(quota);
    if (!number || *number < 1000 || *number > 1'000'000'000'000) return std::nullopt;
    out.quota_us = *number;
  }
  if (space != text.npos) {
    const auto period = parse_number(text.substr(space + 1));
    if (!period || *period < 1000 || *period > 1'000'000) return std::nullopt;
    out.period_us = *period;
  }
  return out;
}

std::optional<std::uint64_t> parse_memory(std::string_view text) {
  if (text == "max") return unlimited;
  const auto bytes = parse_bytes(text);
  // The kernel counts pages in a signed long: more than this is no limit, and is better said as "max".
  if (!bytes || *bytes > INT64_MAX) return std::nullopt;
  return bytes;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  return text == "max" ? std::optional(unlimited) : parse_number(text);
}

std::optional<Rlimit> parse_rlimit(std::string_view name, std::string_view value) {
  const auto* known = std::ranges::find(rlimit_names(), name, &RlimitName::name).base();
  if (known == rlimit_names().data() + rlimit_names().size()) return std::nullopt;
  const auto colon = value.find(':');
  const auto soft = rlimit_number(value.substr(0, colon), known->bytes);
  const auto hard = colon == value.npos ? soft : rlimit_number(value.substr(colon + 1), known->bytes);
  if (!soft || !hard || *soft > *hard) return std::nullopt;
  return Rlimit{*soft, *hard};
}

Complaint check_any(std::string_view) { return std::nullopt; }

Complaint check_path(std::string_view text) {
  if (text.empty()) return "a path, not an empty string";
  if (text.size() >= 4096) return "a path of at most 4095 bytes";
  if (text.starts_with('~') && text.size() > 1 && text[1] != '/')
    return "a path; ~ stands for the caller's own home alone";
  return std::nullopt;
}

Complaint check_root(std::string_view text) {
  if (text == "host" || text == "empty") return std::nullopt;
  if (text.starts_with('/') || text.starts_with("~/") || text.starts_with("./") || text.starts_with("../") ||
      text.starts_with('$'))
    return check_path(text);
  return "host, empty, or the path of a directory (it starts with /, ./, ../, ~/ or $)";
}
Complaint check_home(std::string_view text) { return one_of(text, {"private", "persistent", "host", "none"}); }
Complaint check_proc(std::string_view text) { return one_of(text, {"masked", "full", "hidepid"}); }

Complaint check_hostname(std::string_view text) {
  // sethostname(2) takes 64 bytes; the form is that of hostname(7).
  const bool good = !text.empty() && text.size() <= 64 && all_of(text, "-.") && !text.starts_with('-') &&
                    !text.starts_with('.') && !text.ends_with('-') && !text.ends_with('.');
  return good ? Complaint() : "1 to 64 letters, digits, hyphens and dots, none of the last two at an end";
}
Complaint check_user(std::string_view text) {
  if (text == "self" || text == "root") return std::nullopt;
  const auto number = parse_number(text);
  // (uid_t)-1 means "no id" to the kernel.
  if (number && *number < UINT32_MAX) return std::nullopt;
  return "self, root, or a number from 0 to 4294967294";
}
Complaint check_network_mode(std::string_view text) { return one_of(text, {"none", "host", "private", "filtered", "learn"}); }
Complaint check_network_deny(std::string_view text) {
  const auto rule = parse_rule(text);
  if (rule) return std::nullopt;
  return cat("HOST, *.DOMAIN, an address or ADDRESS/BITS, with :PORT or :PORT-PORT where wanted, and udp/ before it for UDP: ", rule.error().what);
}
namespace {
Complaint check_allow_rule(std::string_view text) {
  if (const auto rule = parse_rule(text); rule && rule->protocol == Protocol::udp)
    return "a rule for TCP: UDP isn't let through yet (QUIC falls back to TCP)";
  return check_network_deny(text);
}
}  // namespace
Complaint check_network_allow(std::string_view text) {
  // A group is worked out at launch.
  return text.starts_with('@') && text.size() > 1 && all_of(text.substr(1), "-_") ? std::nullopt : check_allow_rule(text);
}
Complaint check_publish(std::string_view text) {
  if (parse_publish(text)) return std::nullopt;
  return "ADDRESS:HOSTPORT:PORT or HOSTPORT:PORT, with ports of 1 to 65535, a numeric address (IPv6 in brackets), and /tcp or /udp "
         "at the end where wanted";
}

Complaint check_memory(std::string_view text) {
  const auto bytes = parse_memory(text);
  return bytes && *bytes > 0 ? Complaint() : "a size above 0 such as \"512M\", a number of bytes, or \"max\"";
}
Complaint check_swap(std::string_view text) {
  return parse_memory(text) ? Complaint() : "a size such as \"512M\", a number of bytes, or \"max\"";
}
Complaint check_cpu_max(std::string_view text) {
  return parse_cpu_max(text) ? Complaint()
                             : "a percentage of one CPU from 1% such as \"50%\", \"QUOTA PERIOD\" in microseconds "
                               "(quota from 1000, period 1000 to 1000000), or \"max\"";
}
Complaint check_weight(std::string_view text) {
  const auto weight = parse_number(text);
  return weight && *weight >= 1 && *weight <= 10000 ? Complaint() : "a number from 1 to 10000";
}
Complaint check_pids(std::string_view text) {
  const auto count = parse_count(text);
  const bool good = count && (*count == unlimited || (*count >= 1 && *count <= 4194304));
  return good && text != "18446744073709551615" ? Complaint() : "a number from 1 to 4194304, or \"max\"";
}

Complaint check_scope(std::string_view text) { return one_of(text, {"auto", "require", "none"}); }
Complaint check_slice(std::string_view text) {
  // systemd.slice(5): dashes nest, so none may be empty.
  const auto stem = text.ends_with(".slice") ? text.substr(0, text.size() - 6) : std::string_view();
  const bool good = text == "-.slice" ||
                    (!stem.empty() && text.size() <= 255 && all_of(stem, ":_.\\-@") && !stem.starts_with('-') &&
                     !stem.ends_with('-') && stem.find("--") == stem.npos && !stem.starts_with('.'));
  return good ? Complaint() : "the name of a slice unit, such as \"sbx.slice\"";
}
Complaint check_property_name(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 64 && all_of(text, "") && text[0] >= 'A' && text[0] <= 'Z';
  return good ? Complaint() : "the name of a unit property, such as RuntimeMaxSec";
}

Complaint check_allow_or_deny(std::string_view text) { return one_of(text, {"deny", "allow"}); }
Complaint check_call(std::string_view text) {
  const auto name = text.starts_with('@') ? text.substr(1) : text;
  const bool good = !name.empty() && name.size() <= 64 && all_of(name, text.starts_with('@') ? "_-" : "_");
  return good ? Complaint() : "the name of a system call, or of a set such as \"@system-service\"";
}
Complaint check_seccomp_errno(std::string_view text) { return one_of(text, {"EPERM", "kill", "log"}); }
Complaint check_architecture(std::string_view text) {
  return !text.empty() && text.size() <= 32 && all_of(text, "_-")
             ? Complaint()
             : "\"native\" or an architecture such as \"x86-64\" or \"arm64\"";
}
Complaint check_capability(std::string_view text) {
  if (!canonical_capability(text).empty()) return std::nullopt;
  std::string word = escape_control(text);
  std::ranges::transform(word, word.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (!word.starts_with("CAP_")) word.insert(0, "CAP_");
  if (const auto near = nearest(word, capability_names)) return cat("a name of capabilities(7) (did you mean ", *near, "?)");
  return "a name of capabilities(7), such as \"CAP_NET_BIND_SERVICE\"";
}
Complaint check_landlock(std::string_view text) { return one_of(text, {"auto", "require", "off"}); }

Complaint check_size(std::string_view text) {
  const auto bytes = parse_bytes(text);
  return bytes && *bytes >= 4096 && *bytes <= INT64_MAX ? Complaint() : "a size of at least 4096 bytes, such as \"512M\"";
}
Complaint check_wall_time(std::string_view text) {
  const auto span = parse_time_span(text);
  return span && *span > 0 ? Complaint() : "a time above 0 such as \"10min\", or \"infinity\"";
}
Complaint check_grace(std::string_view text) {
  const auto span = parse_time_span(text);
  return span && *span <= 3600ULL * 1'000'000 ? Complaint() : "a time from 0 to 1h, such as \"5s\"";
}

Complaint check_variable(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 255 && all_of(text, "_") && !is_digit(text[0]);
  return good ? Complaint() : "the name of an environment variable: letters, digits and _, no digit first";
}
Complaint check_pattern(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 255 && all_of(text, "_*") && !is_digit(text[0]);
  return good ? Complaint() : "the name of an environment variable, in which * stands for anything";
}
Complaint check_protection(std::string_view text) { return one_of(text, protection_names); }
Complaint check_access(std::string_view text) { return one_of(text, {"read", "write"}); }
Complaint check_bus_name(std::string_view text) {
  // D-Bus specification, "Valid names"; talk and own take a final ".*" as xdg-dbus-proxy does.
  const auto stem = text.ends_with(".*") ? text.substr(0, text.size() - 2) : text;
  const bool good = !stem.empty() && stem.size() <= 255 && all_of(stem, "._-") && stem.find('.') != stem.npos &&
                    stem.find("..") == stem.npos && !stem.starts_with('.') && !stem.ends_with('.');
  return good ? Complaint() : "a bus name such as \"org.freedesktop.Notifications\"";
}
Complaint check_extends(std::string_view text) {
  return text.empty() || text.size() >= 4096 ? Complaint("the name of a profile or the path of a file") : std::nullopt;
}

}  // namespace sbx
