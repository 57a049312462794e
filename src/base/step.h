// The one name of every set-up action: the same word in errors, timings, the receipt, fault injection and test names.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace sbx {

// X(identifier, "name", "what it does, for messages: 'cannot <does>'")
#define SBX_STEPS(X)                                                          \
  X(parse_options, "parse-options", "read the command line")                  \
  X(read_profile, "read-profile", "read the profile")                         \
  X(merge_profile, "merge-profile", "merge the profiles")                     \
  X(lower_profile, "lower-profile", "turn the profile into a sandbox")        \
  X(validate_spec, "validate-spec", "check the sandbox's description")        \
  X(probe_host, "probe-host", "look at the host")                             \
  X(make_plan, "make-plan", "plan the launch")                                \
  X(compile_filter, "compile-filter", "compile the seccomp filter")           \
  X(open_journal, "open-journal", "hand output to the journal")                \
  X(open_sources, "open-sources", "open what the sandbox is made of")         \
  X(make_placeholders, "make-placeholders", "cover an absent path")           \
  X(make_cgroup, "make-cgroup", "make the sandbox's cgroup")                  \
  X(clone_init, "clone-init", "make the namespaces")                          \
  X(write_id_maps, "write-id-maps", "map user and group ids")                 \
  X(connect_bus, "connect-bus", "reach the service manager")                  \
  X(start_scope, "start-scope", "get a scope from the service manager")       \
  X(verify_limits, "verify-limits", "find the limits in force")               \
  X(register_sandbox, "register", "enter the sandbox into the registry")      \
  X(find_sandbox, "find-sandbox", "look for sandboxes")                       \
  X(control_sandbox, "control", "control the sandbox")                        \
  X(start_network, "start-network", "start what serves the network")          \
  X(join_network, "join-network", "set the sandbox's network up")             \
  X(load_rules, "load-rules", "load the rules of the sandbox's network")      \
  X(wait_gate, "wait-gate", "wait for the launcher")                          \
  X(join_keyring, "join-keyring", "join a new session keyring")               \
  X(set_hostname, "set-hostname", "set the host name")                        \
  X(bring_up_loopback, "bring-up-loopback", "bring up the loopback device")   \
  X(set_up_network, "set-up-network", "set the sandbox's network up")      \
  X(make_mounts_private, "make-mounts-private", "cut mount propagation")      \
  X(mount_root, "mount-root", "mount the new root")                           \
  X(make_directory, "make-directory", "make a directory")                     \
  X(make_symlink, "make-symlink", "make a symbolic link")                     \
  X(make_file, "make-file", "make a file")                                    \
  X(bind, "bind", "bind a path")                                              \
  X(mount_tmpfs, "mount-tmpfs", "mount a tmpfs")                              \
  X(mount_proc, "mount-proc", "mount /proc")                                  \
  X(mount_devpts, "mount-devpts", "mount /dev/pts")                           \
  X(layer, "layer", "add names to a read-only directory")                     \
  X(hide, "hide", "hide a path")                                              \
  X(seal, "seal", "make a mount read-only")                                   \
  X(pivot_root, "pivot-root", "change the root directory")                    \
  X(unshare_cgroup, "unshare-cgroup", "make the cgroup namespace")            \
  X(open_terminal, "open-terminal", "open a terminal of the sandbox")         \
  X(set_ids, "set-ids", "set user and group ids")                             \
  X(set_rlimits, "set-rlimits", "set a resource limit")                       \
  X(set_workdir, "set-workdir", "change to the working directory")            \
  X(drop_capabilities, "drop-capabilities", "drop capabilities")              \
  X(no_new_privs, "no-new-privs", "set no_new_privs")                         \
  X(landlock, "landlock", "enforce Landlock")                                 \
  X(start_payload, "start-payload", "make the payload's process")             \
  X(new_session, "new-session", "start a session")                            \
  X(close_fds, "close-fds", "close inherited file descriptors")               \
  X(reset_signals, "reset-signals", "reset signals")                          \
  X(seccomp, "seccomp", "load the seccomp filter")                            \
  X(verify_receipt, "verify-receipt", "read back what is enforced")           \
  X(exec, "exec", "execute the command")                                      \
  X(relay_notifications, "relay-notifications", "relay to the manager")       \
  X(monitor, "monitor", "watch over the sandbox")                             \
  X(join_cgroup, "join-cgroup", "enter the sandbox's cgroup")               \
  X(join_namespaces, "join-namespaces", "enter the sandbox")                  \
  X(write_report, "write-report", "write the report")                         \
  X(serve_metrics, "serve-metrics", "serve metrics")

enum class Step : std::uint8_t {
#define X(id, name, does) id,
  SBX_STEPS(X)
#undef X
};

inline constexpr std::string_view step_names[] = {
#define X(id, name, does) name,
    SBX_STEPS(X)
#undef X
};
inline constexpr std::string_view step_actions[] = {
#define X(id, name, does) does,
    SBX_STEPS(X)
#undef X
};
inline constexpr std::size_t step_count = sizeof(step_names) / sizeof(step_names[0]);

constexpr std::string_view step_name(Step step) { return step_names[static_cast<std::size_t>(step)]; }
constexpr std::string_view step_action(Step step) { return step_actions[static_cast<std::size_t>(step)]; }
constexpr std::optional<Step> step_by_name(std::string_view name) {
  for (std::size_t i = 0; i < step_count; ++i)
    if (step_names[i] == name) return static_cast<Step>(i);
  return std::nullopt;
}

}  // namespace sbx
