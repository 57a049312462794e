#include "cli/service.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "cli/output.h"

namespace sbx {
namespace {

constexpr const char* socket_inside = "/run/sbx/notify";

void unset(std::vector<std::string>& environment, std::string_view name) {
  std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(cat(name, "=")); });
}

void set(std::vector<std::string>& environment, std::string_view name, const std::string& value) {
  unset(environment, name);
  environment.push_back(cat(name, '=', value));
}

}  // namespace

Result<Service> Service::read(const RunRequest& request, const CallerContext& caller) {
  Service service;
  SBX_ASSIGN(service.context_, read_service_context(caller.environment, ::getpid()));
  service.mode_ = request.notify;
  // Whoever runs sbx by the way, in a service or in a shell that one started, doesn't let its payload speak for that.
  if (service.mode_ == NotifyMode::automatic)
    service.mode_ = service.context_.main_process ? NotifyMode::container : NotifyMode::ignore;
  return service;
}

Result<> Service::adapt(SandboxSpec& spec) const {
  auto& environment = spec.environment;
  spec.scope.in_own_unit = context_.main_process;
  if (relays()) {
    if (!spec.namespaces.mount)
      return fail(Step::relay_notifications, ErrorKind::profile, "without a mount namespace the sandbox has no socket of its own",
                  "set namespaces.mount = true, or go without: --sdnotify ignore");
    spec.notify_socket = socket_inside;
    set(environment, "NOTIFY_SOCKET", socket_inside);
    if (context_.watchdog_usec) {
      set(environment, "WATCHDOG_USEC", std::to_string(*context_.watchdog_usec));
      unset(environment, "WATCHDOG_PID");
      spec.pid_variables.emplace_back("WATCHDOG_PID");
    }
  }
  if (context_.descriptors > 0) {
    for (int fd = first_passed_descriptor; fd < first_passed_descriptor + context_.descriptors; ++fd) {
      // The manager's word for a descriptor that isn't open would let a later one of sbx's own take its number.
      if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return fail_errno(Step::close_fds, errno, cat("file descriptor ", fd, ", which LISTEN_FDS promises"));
      if (std::ranges::find(spec.pass_fds, fd) == spec.pass_fds.end()) spec.pass_fds.push_back(fd);
    }
    set(environment, "LISTEN_FDS", std::to_string(context_.descriptors));
    if (!context_.descriptor_names.empty()) set(environment, "LISTEN_FDNAMES", context_.descriptor_names);
    unset(environment, "LISTEN_PID");
    spec.pid_variables.emplace_back("LISTEN_PID");
  }
  if (context_.main_process && !context_.credentials.empty()) {
    spec.filesystem.binds.push_back({.source = context_.credentials, .target = context_.credentials, .access = Access::read,
                                     .exec = false, .optional = false, .origin = "CREDENTIALS_DIRECTORY"});
    set(environment, "CREDENTIALS_DIRECTORY", context_.credentials);
  }
  std::ranges::sort(environment);
  return {};
}

Result<> Service::attach(LaunchOptions& options, Events& events) {
  if (context_.descriptors > 0) {
    // A connection that the payload closes is closed: nothing of sbx's holds it open.
    Companion closer;
    closer.started = [first = first_passed_descriptor, count = context_.descriptors](const StartedSandbox&) {
      for (int fd = first; fd < first + count; ++fd) ::close(fd);
    };
    options.companions.push_back(std::move(closer));
  }
  if (context_.notify_socket.empty() || mode_ == NotifyMode::ignore) return {};
  SBX_ASSIGN(relay_, NotifyRelay::open(context_.notify_socket, events, complain));
  options.events = &events;
  if (mode_ == NotifyMode::container) {
    options.notify_socket = relay_->socket();
    options.companions.push_back(relay_->companion());
  } else {
    Companion speaker;
    speaker.started = [this](const StartedSandbox&) { relay_->say("READY=1"); };
    options.companions.push_back(std::move(speaker));
  }
  return {};
}

void Service::take_over() {
  if (relay_) relay_->say(cat("MAINPID=", ::getpid()));
}

void Service::end_as(const ExitReport& report) const {
  const bool killed = report.ending == Ending::signalled || report.ending == Ending::out_of_memory;
  if (!context_.main_process || !killed || report.signal <= 0) return;
  // The payload has left its core, if one was to be: another one of sbx would only mislead.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(report.signal, &action, nullptr);
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, report.signal);
  ::kill(::getpid(), report.signal);
  ::sigprocmask(SIG_UNBLOCK, &one, nullptr);
}

}  // namespace sbx
