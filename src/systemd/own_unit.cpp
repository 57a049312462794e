#include "systemd/own_unit.h"

#include <cstdlib>
#include <memory>

#include "base/text.h"
#include "systemd/bus.h"
#include "systemd/manager_errors.h"

namespace sbx {
namespace {

struct Property {
  const BusLibrary& library;
  const char* interface;
  const char* name;
  char type;               // 'b' or 's'
  bool answered = false, known = false;
  int truth = 0;
  std::string text = {};
};

int property_handler(sd_bus_message* reply, void* data, sd_bus_error*) {
  auto& property = *static_cast<Property*>(data);
  property.answered = true;
  if (property.library.sd_bus_message_get_error(reply) != nullptr) return 1;
  const char contents[] = {property.type, '\0'};
  if (property.library.sd_bus_message_enter_container(reply, 'v', contents) < 0) return 1;
  const char* text = nullptr;
  void* value = property.type == 'b' ? static_cast<void*>(&property.truth) : static_cast<void*>(&text);
  property.known = property.library.sd_bus_message_read_basic(reply, property.type, value) > 0;
  if (text != nullptr) property.text = text;
  return 1;
}

// Queues Properties.Get. `property` must outlive the bus.
Result<> ask(const Bus& bus, const std::string& object, Property& property) {
  SBX_ASSIGN(const auto message, bus.call_of(object.c_str(), "org.freedesktop.DBus.Properties", "Get"));
  const auto& library = bus.library();
  int error = library.sd_bus_message_append_basic(message.get(), 's', property.interface);
  if (error >= 0) error = library.sd_bus_message_append_basic(message.get(), 's', property.name);
  if (error >= 0) error = library.sd_bus_call_async(bus.get(), nullptr, message.get(), property_handler, &property, 0);
  if (error < 0) return fail_errno(Step::connect_bus, -error, cat("ask for the unit's ", property.name));
  return {};
}

}  // namespace

Result<bool> unit_delegates(const OwnUnit& unit, std::chrono::steady_clock::time_point deadline) {
  SBX_ASSIGN(const auto bus, Bus::connect(!unit.user, deadline));
  char* encoded = nullptr;
  if (const int error = bus->library().sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.name.c_str(), &encoded); error < 0)
    return fail_errno(Step::connect_bus, -error, unit.name);
  const std::unique_ptr<char, void (*)(void*)> object(encoded, std::free);
  const char* interface = unit.name.ends_with(".scope") ? "org.freedesktop.systemd1.Scope" : "org.freedesktop.systemd1.Service";
  Property delegate{bus->library(), interface, "Delegate", 'b'};
  Property cgroup{bus->library(), interface, "ControlGroup", 's'};
  SBX_TRY(ask(*bus, object.get(), delegate));
  SBX_TRY(ask(*bus, object.get(), cgroup));
  SBX_TRY(bus->process_until([&] { return delegate.answered && cgroup.answered; }, deadline));
  if (!delegate.known || !cgroup.known)
    return fail(Step::connect_bus, ErrorKind::service_manager,
                cat(manager_name(!unit.user), " doesn't tell whether ", unit.name, " delegates its cgroup"));
  return delegate.truth != 0 && cgroup.text == unit.cgroup;
}

}  // namespace sbx
