// libsystemd, opened when a bus is needed: linking it would double the time to start.
#pragma once
#include <systemd/sd-bus.h>

#include "base/result.h"

namespace sbx {

#define SBX_BUS_FUNCTIONS(X)                                                                          \
  X(sd_bus_new) X(sd_bus_set_fd) X(sd_bus_set_bus_client) X(sd_bus_negotiate_fds) X(sd_bus_start)     \
  X(sd_bus_process) X(sd_bus_get_events) X(sd_bus_get_timeout)                                        \
  X(sd_bus_get_n_queued_write) X(sd_bus_add_match_async) X(sd_bus_call_async) X(sd_bus_send)          \
  X(sd_bus_close_unref) X(sd_bus_error_free) X(sd_bus_message_new_method_call)                        \
  X(sd_bus_message_append_basic) X(sd_bus_message_append_array) X(sd_bus_message_open_container)      \
  X(sd_bus_message_close_container) X(sd_bus_message_set_expect_reply) X(sd_bus_message_get_error)    \
  X(sd_bus_message_read_basic) X(sd_bus_message_enter_container) X(sd_bus_message_unref)              \
  X(sd_bus_path_encode)

// The functions by their own names, typed by the header that they were declared in.
struct BusLibrary {
#define X(name) decltype(&::name) name = nullptr;
  SBX_BUS_FUNCTIONS(X)
#undef X
  void* handle = nullptr;
  bool since_254 = false;  // the library's own version, which is the manager's on all but a half-done upgrade

  BusLibrary() = default;
  BusLibrary(const BusLibrary&) = delete;
  BusLibrary& operator=(const BusLibrary&) = delete;
  // Unmaps the library and what it needs, and gives the heap back: the launcher stays while the payload runs.
  ~BusLibrary();
};

Result<> open_bus_library(BusLibrary& library);

}  // namespace sbx
