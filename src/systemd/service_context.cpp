#include "systemd/service_context.h"

#include "base/text.h"

namespace sbx {
namespace {

constexpr std::uint64_t most_descriptors = 4096;  // systemd's own FileDescriptorStoreMax= and sockets stay far below

std::optional<std::string_view> value_of(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string_view entry : environment)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return std::nullopt;
}

auto malformed(std::string_view name) {
  return fail(Step::relay_notifications, ErrorKind::host, cat(name, " of the environment isn't what a service manager sets"),
              cat("start sbx from the unit itself, or unset ", name));
}

}  // namespace

Result<ServiceContext> read_service_context(const std::vector<std::string>& environment, pid_t self) {
  ServiceContext context;
  const auto names_self = [&](std::string_view variable) {
    const auto value = value_of(environment, variable);
    return value && parse_number(*value) == static_cast<std::uint64_t>(self);
  };
  context.main_process = names_self("SYSTEMD_EXEC_PID");
  if (const auto socket = value_of(environment, "NOTIFY_SOCKET"); socket && !socket->empty()) {
    // sockaddr_un holds 108 bytes. systemd knows vsock: as well, for the machine's own manager.
    if (socket->size() < 2 || socket->size() > 107 || (socket->front() != '/' && socket->front() != '@'))
      return malformed("NOTIFY_SOCKET");
    context.notify_socket = *socket;
  }
  if (const auto usec = value_of(environment, "WATCHDOG_USEC"); usec && (names_self("WATCHDOG_PID") || !value_of(environment, "WATCHDOG_PID")))
    context.watchdog_usec = parse_number(*usec);
  if (const auto listed = value_of(environment, "LISTEN_FDS"); listed && names_self("LISTEN_PID")) {
    const auto count = parse_number(*listed);
    if (!count || *count > most_descriptors) return malformed("LISTEN_FDS");
    context.descriptors = static_cast<int>(*count);
    context.descriptor_names = value_of(environment, "LISTEN_FDNAMES").value_or("");
  }
  if (const auto directory = value_of(environment, "CREDENTIALS_DIRECTORY"); directory && directory->starts_with('/'))
    context.credentials = normalize_path(*directory);
  return context;
}

}  // namespace sbx
