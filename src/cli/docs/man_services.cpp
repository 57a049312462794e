// sbx(1): sbx as what a unit starts.
#include "base/text.h"
#include "cli/docs/docs.h"
#include "cli/docs/mdoc.h"

namespace sbx::docs {

std::string services_section() {
  const auto paragraph = [](std::string_view text) { return cat(".Pp\n", prose(text)); };
  return cat(
      ".Sh SERVICES\n",
      prose("A unit can start sbx run in its ExecStart=; sbx unit prints such a unit, and sbx@PROFILE.service is one for each "
            "profile that has a command. As the main process of a service sbx stays in the unit's cgroup and asks for no "
            "scope: with Delegate=yes the sandbox gets a cgroup of its own there; without, the limits of the unit and of the "
            "slices above it must be as tight as the profile's, or sbx says which directives are missing and doesn't start. "
            "A profile with systemd.properties gets a scope all the same."),
      paragraph("Types: exec, simple and oneshot as they are; notify and notify-reload with NotifyAccess=main; forking with "
                "--forking and NotifyAccess=all, by which sbx names the main process; socket-activated, with Accept= or without. KillMode=mixed sends the first signal of a stop to "
                "sbx alone, which passes it on; with control-group the command gets it twice."),
      paragraph("Notifications: the command finds NOTIFY_SOCKET in the sandbox. What its processes say there is passed to the "
                "manager in sbx's name: READY, RELOADING, STOPPING, STATUS, WATCHDOG, WATCHDOG_USEC, EXTEND_TIMEOUT_USEC, "
                "FDSTORE, FDSTOREREMOVE, FDNAME, ERRNO, EXIT_STATUS, BARRIER and the like, not NOTIFYACCESS. MAINPID is rewritten to "
                "sbx, which stands for the sandbox: signals sent to it reach the command. WATCHDOG_USEC and WATCHDOG_PID are set "
                "anew. A process that sbx exec started is not heard, nor is anybody outside."),
      paragraph("Sockets and stored descriptors are handed on with LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID; they work without "
                "a network. CREDENTIALS_DIRECTORY is shown inside, read-only, at its own path. Of the rest of the environment "
                "the command gets what the profile passes; JOURNAL_STREAM isn't passed, since the journal's own socket is out "
                "of reach inside."),
      paragraph("The end: where a signal ended the command, the same signal ends sbx as a service's main process, so that "
                "SuccessExitStatus=, Restart= and a watchdog's SIGABRT mean what they mean without sbx. Else the exit status is "
                "passed on."));
}

}  // namespace sbx::docs
