#include "systemd/notify_message.h"

#include <algorithm>

#include "base/text.h"

namespace sbx {
namespace {

using Fits = bool (*)(std::string_view);

bool is_one(std::string_view value) { return value == "1"; }
bool is_number(std::string_view value) { return parse_number(value).has_value(); }
bool is_small_number(std::string_view value) {
  const auto number = parse_number(value);
  return number && *number <= 4096;
}
bool is_watchdog(std::string_view value) { return value == "1" || value == "trigger"; }
bool is_text(std::string_view) { return true; }  // escaped before it goes on
bool is_bus_name(std::string_view value) {
  return !value.empty() && value.size() <= 255 && std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}
// sd_notify(3): up to 255 ASCII characters, no control characters and no colon, which separates names in LISTEN_FDNAMES.
bool is_store_name(std::string_view value) {
  return !value.empty() && value.size() <= 255 &&
         std::ranges::all_of(value, [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}
bool is_zero(std::string_view value) { return value == "0"; }

struct Field {
  std::string_view name;
  Fits fits;
};
// What a service says of itself. NOTIFYACCESS isn't here: it would let others than sbx speak to the manager.
constexpr Field fields[] = {
    {"READY", is_one},
    {"RELOADING", is_one},
    {"STOPPING", is_one},
    {"MONOTONIC_USEC", is_number},
    {"STATUS", is_text},
    {"ERRNO", is_small_number},
    {"BUSERROR", is_bus_name},
    {"VARLINKERROR", is_bus_name},
    {"EXIT_STATUS", is_small_number},
    {"WATCHDOG", is_watchdog},
    {"WATCHDOG_USEC", is_number},
    {"EXTEND_TIMEOUT_USEC", is_number},
    {"FDSTORE", is_one},
    {"FDSTOREREMOVE", is_one},
    {"FDNAME", is_store_name},
    {"FDPOLL", is_zero},
};

auto refuse(std::string what) { return fail(Step::relay_notifications, ErrorKind::host, std::move(what)); }

}  // namespace

Result<Notification> read_notification(std::string_view text, std::size_t descriptors) {
  Notification notification;
  if (text.size() > longest_notification) return refuse("longer than 4096 bytes");
  if (text.ends_with('\0')) text.remove_suffix(1);  // some send the string's end as well
  if (text.find('\0') != text.npos) return refuse("a zero byte inside");
  const auto lines = split(text, '\n');
  const auto is_barrier = [](std::string_view line) { return line == "BARRIER=1"; };
  if (std::ranges::any_of(lines, is_barrier)) {
    // It says nothing else, and its one descriptor is the answer's way (sd_notify_barrier(3)).
    if (descriptors != 1 || !std::ranges::all_of(lines, [&](auto line) { return line.empty() || is_barrier(line); }))
      return refuse("a BARRIER that isn't alone, with one descriptor");
    notification.barrier = true;
    return notification;
  }
  for (const auto line : lines) {
    const auto equals = line.find('=');
    if (equals == line.npos) continue;
    const auto name = line.substr(0, equals), value = line.substr(equals + 1);
    if (name == "MAINPID") {
      const auto pid = parse_number(value);
      if (!pid || *pid == 0 || *pid > 0x7fffffff) return refuse("MAINPID is no process id");
      notification.main_pid = *pid;
      continue;
    }
    const auto* field = std::ranges::find(fields, name, &Field::name);
    if (field == std::end(fields)) continue;
    if (!field->fits(value)) return refuse(cat("the value of ", name));
    if (name == "FDSTORE") notification.stores = true;
    notification.lines.push_back(cat(name, "=", name == "STATUS" ? escape_control(value) : std::string(value)));
  }
  return notification;
}

std::string notification_text(const Notification& notification, std::uint64_t main_pid) {
  if (notification.barrier) return "BARRIER=1";
  std::string text = join(notification.lines, "\n");
  if (notification.main_pid != 0) text += cat(text.empty() ? "" : "\n", "MAINPID=", main_pid);
  return text;
}

}  // namespace sbx
