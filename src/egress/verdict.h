// Whether a connection passes: the rules, the answers given, and what the client said first, in one place.
#pragma once
#include <string>
#include <vector>

#include "egress/answers.h"
#include "egress/rules.h"
#include "egress/sniff.h"

namespace sbx {

struct Verdict {
  bool allowed = false;
  // By an address rule: what the client says isn't held against any name.
  bool by_address = false;
  std::vector<std::string> names;  // that the connection may be for, where it passes by name
  std::string reason;              // where it is refused
};

Verdict judge_connection(const NetRules& rules, const Answers& answers, Protocol protocol, const IpAddress& address,
                         std::uint16_t port, Answers::Clock::time_point now);

// Empty: it passes. Else why not. `names`: those of the Verdict; not to be asked where it passed by address.
std::string judge_first_bytes(const Sniffed& sniffed, const std::vector<std::string>& names, std::uint16_t port);

}  // namespace sbx
