// Where the service manager listens, and a socket connected to it.
#pragma once
#include <chrono>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx {

struct ManagerSocket {
  UniqueFd fd;
  bool message_bus = true;  // else the manager's own private socket: no Hello, no names, no match rules
};

// The bus first, for it is the documented interface; the private socket where no bus runs. Fails at the deadline, on a
// runtime directory of another user, and on a socket that another user listens on.
Result<ManagerSocket> connect_manager(bool system_manager, std::chrono::steady_clock::time_point deadline);

}  // namespace sbx
