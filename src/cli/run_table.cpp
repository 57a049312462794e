// The options of `sbx run`. Where podman-run(1) has a flag for a thing, it is the same flag.
#include "cli/run_table.h"

namespace sbx {
namespace {

constexpr OptionInfo options[] = {
    {"profile", 'p', Takes::value, "NAME|FILE",
     "Take the profile NAME, or the one in FILE (a path holds a / or ends in .toml). Several merge: later ones win, "
     "lists append. Without any, the profile is untrusted.",
     Completes::profile, {}, {}, "Profile"},
    {"set", 0, Takes::value, "KEY=VALUE",
     "Set any key of the profile, e.g. cgroup.memory.max=100M. VALUE is TOML, or else a plain string. Lists append.",
     Completes::key},
    {"ro", 0, Takes::value, "PATH", "Show PATH inside, read-only.", Completes::file, {}, "filesystem.read", "Files"},
    {"rw", 0, Takes::value, "PATH", "Show PATH inside, writable.", Completes::file, {}, "filesystem.write"},
    {"hide", 0, Takes::value, "PATH", "Make PATH unreadable inside, even within a tree that is shown. PATH may be absent.",
     Completes::file, {}, "filesystem.hide"},
    {"volume", 'v', Takes::value, "SOURCE:TARGET[:OPTIONS]",
     "Show SOURCE at TARGET, writable. OPTIONS are ro, rw, exec, noexec and optional (skipped where SOURCE is absent), "
     "separated by commas. SOURCE starts with a slash, a dot or ~.",
     Completes::file, {}, "filesystem.bind"},
    {"tmpfs", 0, Takes::value, "PATH[:size=SIZE]", "Mount an empty tmpfs at PATH.", Completes::directory, {},
     "filesystem.tmpfs"},
    {"device", 0, Takes::value, "PATH", "Show the device node PATH inside.", Completes::file, {}, "filesystem.devices"},
    {"read-only", 0, Takes::nothing, {},
     "Show read-only what the profiles show writable. --rw and -v still count. The system itself is always read-only."},
    {"workdir", 'w', Takes::value, "DIR", "Start the command in DIR. It is an error where DIR doesn't exist inside. Without it the command starts in the current "
     "directory, where that is shown inside by --ro, --rw or a profile; else in the home.",
     Completes::directory, {}, "command.workdir"},
    {"env", 'e', Takes::value, "NAME[=VALUE]",
     "Set an environment variable; without =VALUE pass the caller's on. NAME may end in * then.", Completes::environment,
     {}, "environment.set", "Environment and identity"},
    {"env-file", 0, Takes::value, "FILE", "Read lines NAME=VALUE or NAME from FILE; # starts a comment line. -e wins.",
     Completes::file, {}, "environment.set"},
    {"clear-env", 0, Takes::nothing, {}, "Forget the variables that the profiles pass and set.", Completes::nothing, {},
     {}, {}, "unsetenv-all"},
    {"user", 'u', Takes::value, "USER", "Who the command believes to be: self, root or a number.", Completes::choice,
     "self root", "identity.user"},
    {"hostname", 0, Takes::value, "NAME", "The host name inside.", Completes::nothing, {}, "identity.hostname"},
    {"network", 0, Takes::value, "MODE", "none: no network but a loopback of its own. host: the caller's network.",
     Completes::choice, "none host", "network.mode", {}, "net"},
    {"memory", 'm', Takes::value, "SIZE", "Kill the command where all its processes use more memory than SIZE, e.g. 512m.",
     Completes::nothing, {}, "cgroup.memory.max", "Limits"},
    {"memory-swap", 0, Takes::value, "SIZE", "Memory and swap together; needs --memory. -1 is unlimited swap.",
     Completes::nothing, {}, "cgroup.memory.swap.max"},
    {"cpus", 0, Takes::value, "NUMBER", "Use at most that many CPUs' time, e.g. 0.5.", Completes::nothing, {},
     "cgroup.cpu.max"},
    {"cpu-shares", 'c', Takes::value, "NUMBER", "CPU weight on podman's scale: 2 to 262144, 1024 is usual.",
     Completes::nothing, {}, "cgroup.cpu.weight"},
    {"pids-limit", 0, Takes::value, "NUMBER", "Allow at most that many processes and threads. -1 is no limit.",
     Completes::nothing, {}, "cgroup.pids.max"},
    {"ulimit", 0, Takes::value, "NAME=SOFT[:HARD]", "Set a resource limit, e.g. nofile=1024:4096. -1 is unlimited.",
     Completes::choice,
     "as= core= cpu= data= fsize= locks= memlock= msgqueue= nice= nofile= nproc= rss= rtprio= rttime= sigpending= stack=",
     "rlimits"},
    {"timeout", 0, Takes::value, "TIME", "End the command after TIME: seconds, or a span like 10min. The status is 124.",
     Completes::nothing, {}, "limits.wall_time"},
    {"stop-timeout", 0, Takes::value, "TIME", "Time between SIGTERM and SIGKILL when sbx ends the command.",
     Completes::nothing, {}, "limits.grace"},
    {"cap-add", 0, Takes::value, "CAPABILITY", "Keep a capability, e.g. NET_BIND_SERVICE, or ALL.", Completes::choice,
     "ALL CHOWN DAC_OVERRIDE FOWNER KILL NET_ADMIN NET_BIND_SERVICE NET_RAW SETGID SETUID SYS_ADMIN SYS_PTRACE",
     "capabilities.keep", "Confinement"},
    {"cap-drop", 0, Takes::value, "CAPABILITY", "Drop a capability that a profile keeps, or ALL.", Completes::choice,
     "ALL CHOWN DAC_OVERRIDE FOWNER KILL NET_ADMIN NET_BIND_SERVICE NET_RAW SETGID SETUID SYS_ADMIN SYS_PTRACE",
     "capabilities.keep"},
    {"require", 0, Takes::value, "PROTECTION", "Don't start where PROTECTION, e.g. landlock or memory, can't be had.",
     Completes::choice, "user mount pid net ipc uts cgroup time seccomp landlock scope memory cpu pids io capabilities rlimits keyring proc",
     "fallback.require"},
    {"accept", 0, Takes::value, "PROTECTION", "Start even where PROTECTION can't be had; what was lost is said.",
     Completes::choice, "user mount pid net ipc uts cgroup time seccomp landlock scope memory cpu pids io capabilities rlimits keyring proc",
     "fallback.accept"},
    {"scope", 0, Takes::value, "MODE",
     "auto: a systemd scope where a service manager answers. require: fail where none does. none: no scope.",
     Completes::choice, "auto require none", "systemd.scope"},
    {"tty", 't', Takes::nothing, {}, "Require a terminal. Without -t and -i the command gets one where sbx has one.",
     Completes::nothing, {}, {}, "Input, output and reports"},
    {"interactive", 'i', Takes::nothing, {}, "Alone: plain pipes even on a terminal. Standard input is always passed on."},
    {"pass-fd", 0, Takes::value, "N", "Keep the file descriptor N open inside. All others but 0, 1 and 2 are closed."},
    {"report", 0, Takes::optional_value, "text|json:FILE|json:fd:N",
     "Tell at the end how it went: time, memory, limits hit, and each protection asked for beside what the kernel was "
     "found to enforce. text goes to standard error.",
     Completes::choice, "text json:"},
    {"status-fd", 0, Takes::value, "N",
     "Write JSON lines to the file descriptor N: {\"pid\":N} at the start, {\"exit-code\":N} at the end, or "
     "{\"error\":MESSAGE} where the command never started."},
    {"explain", 0, Takes::nothing, {}, "Print what would be done, with the profile line that asks for it, and do nothing."},
    {"name", 0, Takes::value, "NAME", "The sandbox's name. It is part of the scope's: sbx-PROFILE-NAME.scope."},
    {"rm", 0, Takes::nothing, {}, "Accepted for podman's sake: nothing of a sandbox outlives it."},
    {"help", 'h', Takes::nothing, {}, "Print this help."},
};

constexpr Example examples[] = {
    {"sbx run -- ls -l /", "what an untrusted command sees"},
    {"sbx run -p build -- make", "the current directory writable, no network"},
    {"sbx run --rw . -m 512m --pids-limit 64 -- ./configure", "limits on all its processes together"},
    {"sbx run --ro . --ro ~/data -e CI=1 --timeout 10min -- python3 job.py", "input read-only, ten minutes at most"},
    {"sbx run --report -- true", "what the kernel was found to enforce"},
    {"sbx run -p build --explain -- make", "the plan, without running it"},
};

}  // namespace

const Command& run_command_table() {
  static constexpr Command command = {
      "run", "[--] [COMMAND [ARGUMENT...]]", "Run a command in a sandbox",
      "Everything from the first word that is no option, or from --, is the command's. Without a COMMAND the profile's "
      "[command] argv runs. The command starts when all its limits hold and never before.\n\n"
      "Options that name a profile key set it last, over all profiles.",
      options, examples, Completes::command};
  return command;
}

}  // namespace sbx
