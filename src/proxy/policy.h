// The rules as they stand, the answers given under them, and what was used: shared by the resolver, the gate and control.
#pragma once
#include <set>
#include <string>
#include <tuple>

#include "egress/answers.h"
#include "egress/rules.h"
#include "proxy/journal.h"

namespace sbx::proxy {

struct Policy {
  NetRules rules;
  Answers answers;
  Journal journal;
  bool ipv6 = false;  // this host has a way to the IPv6 Internet
  // While learning: what rules would have to name. Bounded.
  std::set<std::string> used;
  void note_use(const std::string& rule) {
    if (rules.allow_all && used.size() < 4096) used.insert(rule);
  }
};

}  // namespace sbx::proxy
