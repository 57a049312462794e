#include "profile/fields.h"

namespace sbx {
namespace {

#define AT(member) [](Profile& p) -> auto& { return p.member; }

constexpr auto cgroup_at = AT(cgroup);
constexpr auto namespace_at = AT(namespaces);
constexpr auto rlimit_at = AT(rlimits);
constexpr auto desktop_at = AT(desktop);

const Field fields[] = {
    {"description", TextField{AT(description), check_any}},
    {"extends", TextListField{AT(extends), check_extends}},
    {"command.argv", CommandField{AT(argv)}},
    {"command.workdir", TextField{AT(workdir), check_path}},
    {"filesystem.root", TextField{AT(filesystem.root), check_root}},
    {"filesystem.home", TextField{AT(filesystem.home), check_home}},
    {"filesystem.proc", TextField{AT(filesystem.proc), check_proc}},
    {"filesystem.read", TextListField{AT(filesystem.read), check_path}},
    {"filesystem.write", TextListField{AT(filesystem.write), check_path}},
    {"filesystem.hide", TextListField{AT(filesystem.hide), check_path}},
    {"filesystem.tmpfs", TmpfsListField{AT(filesystem.tmpfs)}},
    {"filesystem.overlay", TextListField{AT(filesystem.overlay), check_path}},
    {"filesystem.bind", BindListField{AT(filesystem.bind)}},
    {"filesystem.symlink", SymlinkListField{AT(filesystem.symlink)}},
    {"filesystem.file", FileListField{AT(filesystem.file)}},
    {"filesystem.devices", TextListField{AT(filesystem.devices), check_path}},
    {"namespaces.user", FlagEntryField{namespace_at}},
    {"namespaces.mount", FlagEntryField{namespace_at}},
    {"namespaces.pid", FlagEntryField{namespace_at}},
    {"namespaces.net", FlagEntryField{namespace_at}},
    {"namespaces.ipc", FlagEntryField{namespace_at}},
    {"namespaces.uts", FlagEntryField{namespace_at}},
    {"namespaces.cgroup", FlagEntryField{namespace_at}},
    {"namespaces.time", FlagEntryField{namespace_at}},
    {"namespaces.nested", FlagEntryField{namespace_at}},
    {"identity.hostname", TextField{AT(hostname), check_hostname}},
    {"identity.user", TextField{AT(user), check_user, true}},
    {"identity.subids", FlagField{AT(subids)}},
    {"network.mode", TextField{AT(network_mode), check_network_mode}},
    {"network.allow", TextListField{AT(network_allow), check_network_allow}},
    {"network.deny", TextListField{AT(network_deny), check_network_deny}},
    {"network.publish", TextListField{AT(publish), check_publish}},
    {"cgroup.memory.max", TextEntryField{cgroup_at, check_memory}},
    {"cgroup.memory.high", TextEntryField{cgroup_at, check_memory}},
    {"cgroup.memory.swap.max", TextEntryField{cgroup_at, check_swap}},
    {"cgroup.cpu.max", TextEntryField{cgroup_at, check_cpu_max}},
    {"cgroup.cpu.weight", TextEntryField{cgroup_at, check_weight}},
    {"cgroup.pids.max", TextEntryField{cgroup_at, check_pids}},
    {"cgroup.io.weight", TextEntryField{cgroup_at, check_weight}},
    {"systemd.scope", TextField{AT(scope), check_scope}},
    {"systemd.slice", TextField{AT(slice), check_slice}},
    {"systemd.properties", OpenTableField{AT(properties), check_property_name, true}},
    {"seccomp.default", TextField{AT(seccomp_default), check_allow_or_deny}},
    {"seccomp.allow", TextListField{AT(seccomp_allow), check_call}},
    {"seccomp.deny", TextListField{AT(seccomp_deny), check_call}},
    {"seccomp.errno", TextField{AT(seccomp_errno), check_seccomp_errno}},
    {"seccomp.architectures", TextListField{AT(architectures), check_architecture}},
    {"capabilities.keep", TextListField{AT(capabilities), check_capability}},
    {"landlock.mode", TextField{AT(landlock), check_landlock}},
    {"rlimits.as", RlimitField{rlimit_at}},
    {"rlimits.core", RlimitField{rlimit_at}},
    {"rlimits.cpu", RlimitField{rlimit_at}},
    {"rlimits.data", RlimitField{rlimit_at}},
    {"rlimits.fsize", RlimitField{rlimit_at}},
    {"rlimits.locks", RlimitField{rlimit_at}},
    {"rlimits.memlock", RlimitField{rlimit_at}},
    {"rlimits.msgqueue", RlimitField{rlimit_at}},
    {"rlimits.nice", RlimitField{rlimit_at}},
    {"rlimits.nofile", RlimitField{rlimit_at}},
    {"rlimits.nproc", RlimitField{rlimit_at}},
    {"rlimits.rss", RlimitField{rlimit_at}},
    {"rlimits.rtprio", RlimitField{rlimit_at}},
    {"rlimits.rttime", RlimitField{rlimit_at}},
    {"rlimits.sigpending", RlimitField{rlimit_at}},
    {"rlimits.stack", RlimitField{rlimit_at}},
    {"environment.pass", TextListField{AT(environment_pass), check_pattern}},
    {"environment.set", OpenTableField{AT(environment_set), check_variable}},
    {"limits.wall_time", TextField{AT(wall_time), check_wall_time, true}},
    {"limits.grace", TextField{AT(grace), check_grace, true}},
    {"desktop.wayland", FlagEntryField{desktop_at}},
    {"desktop.x11", FlagEntryField{desktop_at}},
    {"desktop.audio", FlagEntryField{desktop_at}},
    {"desktop.gpu", FlagEntryField{desktop_at}},
    {"desktop.portals", FlagEntryField{desktop_at}},
    {"dbus.session.talk", TextListField{AT(dbus_talk), check_bus_name}},
    {"dbus.session.own", TextListField{AT(dbus_own), check_bus_name}},
    {"fallback.require", TextListField{AT(require), check_protection}},
    {"fallback.accept", TextListField{AT(accept), check_protection}},
};
#undef AT

}  // namespace

std::span<const Field> profile_fields() { return fields; }

}  // namespace sbx
