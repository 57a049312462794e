// Serves metrics on a listening socket: a handful of connections at a time, each bounded in time and size.
#pragma once
#include <chrono>

#include "base/result.h"
#include "base/unique_fd.h"
#include "telemetry/http_response.h"

namespace sbx {

// The one listening stream socket that a service manager handed over (sd_listen_fds(3)).
Result<UniqueFd> take_activated_socket();
// "127.0.0.1:9978", "[::1]:9978" or the absolute path of a socket, for the caller alone. Other addresses are refused:
// whoever reaches them could watch the caller.
Result<UniqueFd> listen_on(const std::string& address);
// Until SIGTERM or SIGINT, or until nobody has come for `idle` (zero: for ever).
Result<> serve_http(int listener, const HttpExchange::Render& render, std::chrono::seconds idle);

}  // namespace sbx
