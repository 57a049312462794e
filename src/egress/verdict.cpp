#include "egress/verdict.h"

#include <algorithm>

#include "base/text.h"

namespace sbx {

Verdict judge_connection(const NetRules& rules, const Answers& answers, Protocol protocol, const IpAddress& address,
                         std::uint16_t port, Answers::Clock::time_point now) {
  Verdict out;
  const auto known = answers.names(address, now);
  if (address_is_denied(rules, protocol, address, port)) {
    out.names = known;
    out.reason = "a deny entry names the address";
    return out;
  }
  for (const auto& name : known)
    if (name_may_connect(rules, protocol, name, port)) out.names.push_back(name);
  // While learning, what has a name is to be known by it.
  out.by_address = (!rules.allow_all || out.names.empty()) && address_may_connect(rules, protocol, address, port);
  out.allowed = out.by_address || !out.names.empty();
  if (out.allowed) return out;
  out.reason = known.empty() ? "no allow entry names the address, and no living answer gave it for a name"
                             : cat("no allow entry opens port ", port, " of ", known.front());
  out.names = known;
  return out;
}

std::string judge_first_bytes(const Sniffed& sniffed, const std::vector<std::string>& names, std::uint16_t port) {
  const auto held = [&](const char* what) -> std::string {
    if (sniffed.name.empty()) return cat(what, " names no host");
    if (std::ranges::find(names, sniffed.name) != names.end()) return {};
    return cat(what, " is for ", sniffed.name, ", which the connection isn't allowed for");
  };
  switch (sniffed.kind) {
    case Sniffed::Kind::tls: return held("the TLS ClientHello");
    case Sniffed::Kind::http: return held("the HTTP request");
    case Sniffed::Kind::http2: return "HTTP/2 without TLS hides its host name";
    case Sniffed::Kind::malformed: return "the first bytes are neither whole TLS nor whole HTTP";
    // What is spoken to a web server's own port and isn't HTTP to us might still be to the server.
    case Sniffed::Kind::opaque: return port == 80 ? "port 80 is for HTTP alone" : "";
    case Sniffed::Kind::more: return "the first bytes don't come to an end";
  }
  return "unknown";
}

}  // namespace sbx
