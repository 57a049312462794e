// nftables in the sandbox's network namespace. redirect.cpp is the only user of libnftables.
#pragma once
#include "base/result.h"

namespace sbx::proxy {
// Every TCP connection but those to the loopback and to port 53, where the resolver listens on every address, to the
// loopback's `port`.
Result<> redirect_tcp(unsigned port);
}  // namespace sbx::proxy
