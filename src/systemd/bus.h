// A connection to the service manager whose every wait has a deadline.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "systemd/bus_library.h"
#include "systemd/manager_socket.h"
#include "systemd/unit_property.h"

namespace sbx {

using Deadline = std::chrono::steady_clock::time_point;

struct MessageDeleter {
  const BusLibrary* library = nullptr;
  void operator()(sd_bus_message* message) const { library->sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageDeleter>;

class Bus {
 public:
  static Result<std::unique_ptr<Bus>> connect(bool system_manager, Deadline deadline);
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;
  ~Bus();

  const BusLibrary& library() const { return library_; }
  sd_bus* get() const { return bus_; }
  bool message_bus() const { return message_bus_; }
  // A call of a method of org.freedesktop.systemd1.Manager, or of any of the manager's objects.
  Result<Message> manager_call(const char* method) const;
  Result<Message> call_of(const char* object, const char* interface, const char* method) const;
  // Handles what comes in and writes what is queued, until `done` says so.
  Result<> process_until(const std::function<bool()>& done, Deadline deadline);
  Result<> flush(Deadline deadline);

 private:
  Bus() = default;
  Result<> wait_for_event(Deadline deadline) const;
  std::unexpected<Error> broken(int error) const;

  BusLibrary library_;
  sd_bus* bus_ = nullptr;
  int fd_ = -1;  // owned by bus_
  bool message_bus_ = true, system_manager_ = false;
};

// Appends (sv): the property's name and value. A negative errno on failure.
int append_property(const BusLibrary& library, sd_bus_message* message, const UnitProperty& property);

}  // namespace sbx
