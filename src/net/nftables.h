// The rules of a sandbox's network, by libnftables (libnftables(3)), which is opened when it is needed.
#pragma once
#include <string>

#include "base/result.h"

namespace sbx {

// Runs commands in nft(8)'s language, all or nothing, in the network namespace of the calling process.
Result<> load_ruleset(const std::string& text);

}  // namespace sbx
