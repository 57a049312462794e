#include "systemd/unit_control.h"

#include <functional>
#include <optional>

#include "base/text.h"
#include "systemd/bus.h"
#include "systemd/manager_errors.h"

namespace sbx {
namespace {

constexpr std::uint64_t call_timeout_us = 60'000'000;  // the deadline is shorter

struct Answer {
  const BusLibrary& library;
  bool came = false;
  std::string error_name, message;
};

int answer_handler(sd_bus_message* reply, void* data, sd_bus_error*) {
  auto& answer = *static_cast<Answer*>(data);
  answer.came = true;
  if (const sd_bus_error* error = answer.library.sd_bus_message_get_error(reply); error != nullptr) {
    answer.error_name = error->name;
    answer.message = error->message == nullptr ? "" : error->message;
  }
  return 1;
}

// A call of the manager's that takes the unit's name first; `append` adds the rest. Waits for the answer.
Result<> call(const char* method, const std::string& unit, bool system_manager, Deadline deadline,
              const std::function<int(const BusLibrary&, sd_bus_message*)>& append) {
  SBX_ASSIGN(const auto bus, Bus::connect(system_manager, deadline));
  SBX_ASSIGN(const auto message, bus->manager_call(method));
  const auto& library = bus->library();
  Answer answer{library};
  int error = library.sd_bus_message_append_basic(message.get(), 's', unit.c_str());
  if (error >= 0) error = append(library, message.get());
  if (error >= 0) error = library.sd_bus_call_async(bus->get(), nullptr, message.get(), answer_handler, &answer, call_timeout_us);
  if (error < 0) return fail(Error{Step::control_sandbox, ErrorKind::service_manager, -error, cat("the request ", method, " for ", unit, " can't be written"), {}});
  SBX_TRY(bus->process_until([&] { return answer.came; }, deadline));
  if (answer.error_name.empty()) return {};
  return fail(Error{Step::control_sandbox, ErrorKind::service_manager, 0,
                    cat(manager_name(system_manager), " refuses ", method, " for ", unit, ": ", answer.message.empty() ? answer.error_name : answer.message), {}});
}

}  // namespace

Result<> freeze_unit(const std::string& unit, bool freeze, bool system_manager, Deadline deadline) {
  return call(freeze ? "FreezeUnit" : "ThawUnit", unit, system_manager, deadline, [](const BusLibrary&, sd_bus_message*) { return 0; });
}

// SetUnitProperties(s name, b runtime, a(sv) properties).
Result<> set_unit_properties(const std::string& unit, const std::vector<UnitProperty>& properties, bool system_manager, Deadline deadline) {
  return call("SetUnitProperties", unit, system_manager, deadline, [&](const BusLibrary& library, sd_bus_message* message) {
    const int runtime = 1;
    int error = library.sd_bus_message_append_basic(message, 'b', &runtime);
    if (error >= 0) error = library.sd_bus_message_open_container(message, 'a', "(sv)");
    for (const auto& property : properties)
      if (error >= 0) error = append_property(library, message, property);
    return error >= 0 ? library.sd_bus_message_close_container(message) : error;
  });
}

}  // namespace sbx
