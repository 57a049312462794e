#include "egress/group_text.h"

#include <algorithm>

#include "base/text.h"
#include "egress/rules.h"

namespace sbx {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::string_view usual_port(std::string_view scheme) {
  // apt's mirror+https://, pip's and cargo's git+ssh:// and sparse+https://
  scheme.remove_prefix(std::min(scheme.rfind('+') + 1, scheme.size()));
  if (scheme == "https") return "443";
  if (scheme == "http") return "80";
  if (scheme == "ssh") return "22";
  if (scheme == "git") return "9418";
  if (scheme == "ftp") return "21";
  if (scheme.starts_with("socks")) return "1080";
  return {};
}

std::optional<std::string> checked(std::string_view host, std::string_view port) {
  const auto rule = parse_rule(cat(host, ":", port));
  return rule ? std::optional(format_rule(*rule)) : std::nullopt;
}

}  // namespace

std::optional<std::string> rule_of_url(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == url.npos) {
    // git's short form of ssh; what has a slash before the colon is a path.
    const auto colon = url.find(':');
    if (colon == url.npos || url.find('/') < colon || url.find('@') > colon) return std::nullopt;
    return checked(url.substr(url.find('@') + 1, colon - url.find('@') - 1), "22");
  }
  auto authority = url.substr(scheme_end + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const auto at = authority.rfind('@'); at != authority.npos) authority = authority.substr(at + 1);
  const auto colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  const auto port = has_port ? authority.substr(colon + 1) : usual_port(lower(url.substr(0, scheme_end)));
  if (port.empty() || authority.empty() || authority.find('*') != authority.npos) return std::nullopt;
  return checked(authority.substr(0, has_port ? colon : authority.npos), port);
}

std::vector<std::string> urls_in(std::string_view text) {
  static constexpr std::string_view separators = " \t\r\n\"'`,|;<>()";
  std::vector<std::string> out;
  for (std::size_t at = text.find("://"); at != text.npos; at = text.find("://", at + 3)) {
    const auto before = text.substr(0, at).find_last_of(" \t\r\n\"'`,|;<>()=");
    const auto begin = before == text.npos ? 0 : before + 1;
    out.emplace_back(text.substr(begin, text.find_first_of(separators, at) - begin));
  }
  return out;
}

std::vector<std::string> apt_list_urls(std::string_view text) {
  std::vector<std::string> out;
  for (const auto line : split(text, '\n')) {
    const auto entry = trim(line.substr(0, line.find('#')));
    if (entry.starts_with("deb ") || entry.starts_with("deb\t") || entry.starts_with("deb-src")) {
      const auto urls = urls_in(entry);
      if (!urls.empty()) out.push_back(urls.front());
    }
  }
  return out;
}

std::vector<std::string> apt_deb822_urls(std::string_view text) {
  std::vector<std::string> out, paragraph;
  bool enabled = true, in_uris = false;
  const auto end_paragraph = [&] {
    if (enabled) out.insert(out.end(), paragraph.begin(), paragraph.end());
    paragraph.clear();
    enabled = true, in_uris = false;
  };
  for (const auto line : split(text, '\n')) {
    if (line.starts_with('#')) continue;
    if (trim(line).empty()) {
      end_paragraph();
      continue;
    }
    const bool continued = line.starts_with(' ') || line.starts_with('\t');
    const auto colon = line.find(':');
    const auto field = lower(line.substr(0, colon));
    if (!continued) in_uris = field == "uris";
    if (!continued && field == "enabled" && lower(trim(line.substr(colon + 1))) == "no") enabled = false;
    if (in_uris)
      for (auto& url : urls_in(continued ? line : line.substr(colon + 1))) paragraph.push_back(std::move(url));
  }
  end_paragraph();
  return out;
}

Result<std::vector<std::string>> read_group_file(std::string_view text, const std::string& path) {
  std::vector<std::string> out;
  int number = 0;
  for (const auto line : split(text, '\n')) {
    ++number;
    const auto entry = trim(line.substr(0, line.find('#')));
    if (entry.empty()) continue;
    const auto rule = parse_rule(entry);
    const bool udp = rule && rule->protocol == Protocol::udp;
    if (!rule || udp)
      return fail(Step::lower_profile, ErrorKind::profile,
                  cat(path, ":", number, ":", line.find(entry) + 1, ": \"", entry, "\": ", udp ? "UDP isn't let through yet" : rule.error().what));
    out.push_back(format_rule(*rule));
  }
  return out;
}

}  // namespace sbx
