// What a service manager hands to a service's main process by its environment (systemd.exec(5), sd_listen_fds(3),
// sd_watchdog_enabled(3)). Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <sys/types.h>

#include "base/result.h"

namespace sbx {

inline constexpr int first_passed_descriptor = 3;  // SD_LISTEN_FDS_START

struct ServiceContext {
  // This process is what the manager executed. SYSTEMD_EXEC_PID says so, which is no proof and needs to be none: the
  // caller is trusted, and only chooses between two ways to enforce the same.
  bool main_process = false;
  std::string notify_socket;                    // a path, or @ and an abstract name; empty: none
  std::optional<std::uint64_t> watchdog_usec;   // meant for this process
  int descriptors = 0;                          // handed over to this process, from first_passed_descriptor on
  std::string descriptor_names;                 // separated by colons, as they came; empty: not told
  std::string credentials;                      // a directory; empty: none
  bool operator==(const ServiceContext&) const = default;
};

// `self`: this process's pid. What is meant for another process is left out: a shell of that service had it before.
Result<ServiceContext> read_service_context(const std::vector<std::string>& environment, pid_t self);

}  // namespace sbx
