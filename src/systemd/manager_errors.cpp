#include "systemd/manager_errors.h"

#include "base/text.h"

namespace sbx {
namespace {

std::string_view systemctl(bool system_manager) { return system_manager ? "systemctl" : "systemctl --user"; }

std::string_view journalctl(bool system_manager) { return system_manager ? "journalctl -u" : "journalctl --user -u"; }

}  // namespace

std::string_view manager_name(bool system_manager) {
  return system_manager ? "the system's service manager" : "the user's service manager";
}

Error manager_error(std::string_view error_name, std::string_view message, const std::string& unit,
                    const std::string& slice, bool system_manager) {
  Error error{Step::start_scope, ErrorKind::service_manager, 0, {}, {}};
  const auto who = manager_name(system_manager);
  const auto is = [&](std::string_view suffix) { return error_name.ends_with(suffix); };
  if (is(".UnitExists")) {
    error.what = cat(who, " has a unit ", unit, " already");
    error.hint = cat("give the sandbox another name, or end the other one with `", systemctl(system_manager), " stop ", unit, "`");
  } else if (is(".AccessDenied") || is(".InteractiveAuthorizationRequired") || is(".AuthFailed")) {
    error.what = cat(who, " refuses ", unit, ": ", message);
    error.hint = system_manager ? "run as root on the host, outside of any container"
                                : "run as the user whose service manager it is, without sudo or a changed XDG_RUNTIME_DIR";
  } else if (is(".PropertyReadOnly") || is(".UnknownProperty")) {
    error.what = cat(who, " doesn't know a property: ", message);
    error.hint = cat("remove it from [systemd] properties, or use a newer systemd (`systemctl --version` gives this one's)");
  } else if (is(".InvalidArgs") || is(".InvalidSignature")) {
    error.what = cat(who, " refuses the properties of ", unit, " in ", slice, ": ", message);
    error.hint = "correct [systemd] slice or properties";
  } else if (is(".ServiceUnknown") || is(".NameHasNoOwner") || error_name.find(".Spawn.") != std::string_view::npos) {
    error.what = cat(who, " isn't on its bus: ", message);
    error.hint = system_manager ? "boot with systemd as the init system, or set [systemd] scope to \"auto\" or \"none\""
                                : "start it by logging in again, or with `loginctl enable-linger`";
  } else if (is(".LimitsExceeded")) {
    error.what = cat(who, " or its bus is at a limit: ", message);
    error.hint = cat("see `", systemctl(system_manager), " list-units sbx-*` for sandboxes that still run");
  } else if (is(".NoReply") || is(".Timeout") || is(".TimedOut") || is(".Disconnected")) {
    error.what = cat(who, " didn't answer: ", message);
    error.hint = cat("see `", systemctl(system_manager), " status` for what it does");
  } else if (is(".NoSuchProcess") || is(".UnixProcessIdUnknown")) {
    error.what = cat(who, " doesn't see the sandbox's process: ", message);
    error.hint = "run sbx in the pid namespace of the service manager";
  } else {
    error.what = cat(who, " refuses ", unit, ": ", message, message.empty() ? "" : " (", error_name,
                     message.empty() ? "" : ")");
    error.hint = cat("see `", journalctl(system_manager), " ", unit, "`");
  }
  return error;
}

Error job_error(std::string_view result, const std::string& unit, bool system_manager) {
  Error error{Step::start_scope, ErrorKind::service_manager, 0, {}, {}};
  error.what = cat(manager_name(system_manager), " could not start ", unit, ": its job ended as \"", result, "\"");
  error.hint = cat("see `", journalctl(system_manager), " ", unit, "`");
  return error;
}

}  // namespace sbx
