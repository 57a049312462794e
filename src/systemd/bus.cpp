#include "systemd/bus.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/text.h"
#include "systemd/manager_errors.h"

namespace sbx {
namespace {

constexpr const char* destination = "org.freedesktop.systemd1";
constexpr const char* manager_object = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";

template <typename... Alternatives>
struct Visitor : Alternatives... {
  using Alternatives::operator()...;
};

// Appends values of one property; the first failure sticks, as every later call would fail as well.
class Writer {
 public:
  Writer(const BusLibrary& library, sd_bus_message* message) : library_(library), message_(message) {}
  int result() const { return result_; }

  void open(char type, const char* contents) { run(library_.sd_bus_message_open_container(message_, type, contents)); }
  void close() { run(library_.sd_bus_message_close_container(message_)); }
  void basic(char type, const void* value) { run(library_.sd_bus_message_append_basic(message_, type, value)); }
  void text(const std::string& value) { basic('s', value.c_str()); }
  void bytes(const std::vector<std::uint8_t>& value) {
    run(library_.sd_bus_message_append_array(message_, 'y', value.data(), value.size()));
  }
  template <typename T, typename Append>
  void structures(const char* array, const char* structure, const std::vector<T>& items, Append append) {
    open('v', array);
    open('a', array + 1);
    for (const auto& item : items) {
      open('r', structure);
      append(item);
      close();
    }
    close();
    close();
  }
  void texts(const std::vector<std::string>& values) {
    open('a', "s");
    for (const auto& value : values) text(value);
    close();
  }

 private:
  void run(int result) {
    if (result_ >= 0 && result < 0) result_ = result;
  }
  const BusLibrary& library_;
  sd_bus_message* message_;
  int result_ = 0;
};

void append_variant(Writer& out, const PropertyValue& value) {
  const auto simple = [&](const char* type, const void* data) { out.open('v', type), out.basic(type[0], data), out.close(); };
  std::visit(
      Visitor{
          [&](bool yes) {
            const int number = yes ? 1 : 0;  // sd-bus takes booleans as int
            simple("b", &number);
          },
          [&](std::int32_t number) { simple("i", &number); },
          [&](std::uint32_t number) { simple("u", &number); },
          [&](std::uint64_t number) { simple("t", &number); },
          [&](const std::string& text) { simple("s", text.c_str()); },
          [&](const std::vector<std::string>& texts) { out.open('v', "as"), out.texts(texts), out.close(); },
          [&](const std::vector<std::uint8_t>& bytes) { out.open('v', "ay"), out.bytes(bytes), out.close(); },
          [&](const std::vector<DeviceNumber>& items) {
            out.structures("a(st)", "st", items, [&](const auto& item) { out.text(item.path), out.basic('t', &item.number); });
          },
          [&](const std::vector<TextPair>& items) {
            out.structures("a(ss)", "ss", items, [&](const auto& item) { out.text(item.first), out.text(item.second); });
          },
          [&](const std::vector<AddressPrefix>& items) {
            out.structures("a(iayu)", "iayu", items, [&](const auto& item) {
              out.basic('i', &item.family), out.bytes(item.address), out.basic('u', &item.length);
            });
          },
          [&](const std::vector<PortRule>& items) {
            out.structures("a(iiqq)", "iiqq", items, [&](const auto& item) {
              out.basic('i', &item.family), out.basic('i', &item.protocol);
              out.basic('q', &item.count), out.basic('q', &item.first);
            });
          },
          [&](const NameFilter& filter) {
            const int allow = filter.allow ? 1 : 0;
            out.open('v', "(bas)"), out.open('r', "bas"), out.basic('b', &allow), out.texts(filter.names);
            out.close(), out.close();
          },
          [&](const std::vector<NftSet>& items) {
            out.structures("a(iiss)", "iiss", items, [&](const auto& item) {
              out.basic('i', &item.source), out.basic('i', &item.family), out.text(item.table), out.text(item.set);
            });
          }},
      value);
}

}  // namespace

int append_property(const BusLibrary& library, sd_bus_message* message, const UnitProperty& property) {
  Writer out(library, message);
  out.open('r', "sv");
  out.text(property.name);
  append_variant(out, property.value);
  out.close();
  return out.result();
}

Result<std::unique_ptr<Bus>> Bus::connect(bool system_manager, Deadline deadline) {
  // The socket first: where there is none, the library needn't be loaded to say so.
  SBX_ASSIGN(auto socket, connect_manager(system_manager, deadline));
  std::unique_ptr<Bus> bus(new Bus);
  bus->system_manager_ = system_manager;
  bus->message_bus_ = socket.message_bus;
  SBX_TRY(open_bus_library(bus->library_));
  const auto& library = bus->library_;
  int error = library.sd_bus_new(&bus->bus_);
  if (error >= 0) error = library.sd_bus_set_bus_client(bus->bus_, socket.message_bus ? 1 : 0);
  if (error >= 0) error = library.sd_bus_negotiate_fds(bus->bus_, 1);
  if (error >= 0) error = library.sd_bus_set_fd(bus->bus_, socket.fd.get(), socket.fd.get());
  if (error < 0) return bus->broken(-error);
  bus->fd_ = socket.fd.release();
  error = library.sd_bus_start(bus->bus_);
  if (error < 0) return bus->broken(-error);
  return bus;
}

Bus::~Bus() {
  if (bus_ != nullptr) library_.sd_bus_close_unref(bus_);
}

Result<Message> Bus::manager_call(const char* method) const { return call_of(manager_object, manager_interface, method); }

Result<Message> Bus::call_of(const char* object, const char* interface, const char* method) const {
  sd_bus_message* message = nullptr;
  const int error = library_.sd_bus_message_new_method_call(bus_, &message, message_bus_ ? destination : nullptr, object,
                                                            interface, method);
  if (error < 0) return broken(-error);
  return Message(message, MessageDeleter{&library_});
}

Result<> Bus::process_until(const std::function<bool()>& done, Deadline deadline) {
  while (!done()) {
    const int more = library_.sd_bus_process(bus_, nullptr);
    if (more < 0) return broken(-more);
    if (more > 0) continue;
    if (done()) break;
    SBX_TRY(wait_for_event(deadline));
  }
  return {};
}

Result<> Bus::flush(Deadline deadline) {
  return process_until(
      [this] {
        std::uint64_t queued = 0;
        return library_.sd_bus_get_n_queued_write(bus_, &queued) < 0 || queued == 0;
      },
      deadline);
}

Result<> Bus::wait_for_event(Deadline deadline) const {
  const int events = library_.sd_bus_get_events(bus_);
  if (events < 0) return broken(-events);
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0)
    return fail(Step::start_scope, ErrorKind::service_manager,
                cat(manager_name(system_manager_), " didn't answer in time"),
                cat("see `systemctl ", system_manager_ ? "" : "--user ", "status` for what it does"));
  pollfd watched{fd_, static_cast<short>(events), 0};
  const timespec timeout{left.count() / 1'000'000, left.count() % 1'000'000 * 1000};
  if (::ppoll(&watched, 1, &timeout, nullptr) < 0 && errno != EINTR) return broken(errno);
  return {};
}

std::unexpected<Error> Bus::broken(int error) const {
  return fail(Error{Step::connect_bus, ErrorKind::service_manager, error,
                    cat("the talk with ", manager_name(system_manager_), " broke off"),
                    cat("see `systemctl ", system_manager_ ? "" : "--user ", "status` for whether it runs")});
}

}  // namespace sbx
