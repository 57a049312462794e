// sbx as a service of systemd's: what the manager handed to it goes on to the sandbox, and it ends as the payload does.
#pragma once
#include <memory>

#include "cli/run_options.h"
#include "launch/launcher.h"
#include "launch/notify_relay.h"
#include "profile/profile.h"
#include "spec/sandbox_spec.h"
#include "systemd/service_context.h"

namespace sbx {

class Service {
 public:
  static Result<Service> read(const RunRequest& request, const CallerContext& caller);
  // Before the plan: the notification socket, the descriptors of socket activation, the credentials, and their variables.
  Result<> adapt(SandboxSpec& spec) const;
  // Before the launch. `this` and `events` must outlive it.
  Result<> attach(LaunchOptions& options, Events& events);
  // Of a daemon: this process is the main one from now on. The manager can't find that out where the unit's cgroup holds
  // nothing but cgroups of the sandbox's (Delegate=yes); NotifyAccess=all lets it listen.
  void take_over();
  // The last thing that is done: where the payload was ended by a signal, so is sbx, since the manager tells a kill from
  // an exit status (SuccessExitStatus=, Restart=on-abnormal, a stop by SIGTERM). Returns where it isn't to be so.
  void end_as(const ExitReport& report) const;

 private:
  bool relays() const { return mode_ == NotifyMode::container && !context_.notify_socket.empty(); }
  ServiceContext context_;
  NotifyMode mode_ = NotifyMode::ignore;
  std::unique_ptr<NotifyRelay> relay_;
};

}  // namespace sbx
