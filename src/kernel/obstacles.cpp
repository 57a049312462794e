// Why this host refuses what a sandbox needs: found out after the refusal, since nothing tells beforehand for sure.
#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/text.h"
#include "kernel/probe.h"
#include "kernel/kernel_file.h"

namespace sbx {
namespace {

// A sysctl's number, where the kernel has it.
std::optional<std::uint64_t> sysctl(const std::string& name) {
  std::string text = read_kernel_file(cat("/proc/sys/", name));
  if (text.ends_with('\n')) text.pop_back();
  return parse_number(text);
}

// Mode 2 of "Seccomp:" is a filter (proc_pid_status(5)).
bool under_seccomp_filter() {
  return read_kernel_file("/proc/self/status").find("\nSeccomp:\t2") != std::string::npos;
}

// /proc/self/mountinfo shows what the caller's root can reach; a root directory that is no mount is a chroot.
bool in_chroot() {
  const auto points = read_mount_points();
  return !points.empty() && std::find(points.begin(), points.end(), "/") == points.end();
}

// The kinds of namespace other than user; clone(2) gives one ENOSPC for all of them.
constexpr std::string_view other_kinds[] = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};

Obstacle no_room() {
  for (const std::string_view kind : other_kinds)
    if (const std::string name = cat("user/max_", kind, "_namespaces"); sysctl(name) == 0)
      return {cat("namespaces of the kind ", kind, " are disabled here: user.max_", kind, "_namespaces is 0"),
              cat("set it as root: sysctl -w user.max_", kind, "_namespaces=15000")};
  if (sysctl("user/max_user_namespaces") == 0)
    return {"user namespaces are disabled here: user.max_user_namespaces is 0",
            "set it as root: sysctl -w user.max_user_namespaces=15000"};
  return {"the limit on user namespaces is reached (user.max_user_namespaces, or 32 levels of nesting)",
          "raise it as root: sysctl -w user.max_user_namespaces=15000"};
}

}  // namespace

Obstacle why_no_user_namespace(int errno_value) {
  if (errno_value == ENOSPC || errno_value == EUSERS) return no_room();
  if (errno_value == EINVAL)
    return {"this kernel is built without user namespaces (CONFIG_USER_NS)", "boot a kernel that has them"};
  if (errno_value == ENOMEM || errno_value == EAGAIN)
    return {"the kernel is out of memory or of processes for this user", "raise RLIMIT_NPROC or pids.max, or end other processes"};
  if (sysctl("kernel/unprivileged_userns_clone") == 0)
    return {"the sysctl kernel.unprivileged_userns_clone forbids user namespaces to unprivileged users",
            "set it as root: sysctl -w kernel.unprivileged_userns_clone=1"};
  if (sysctl("kernel/apparmor_restrict_unprivileged_userns") == 1)
    return {"AppArmor restricts user namespaces to programs with a profile (kernel.apparmor_restrict_unprivileged_userns)",
            "load the profile that sbx installs: apparmor_parser -r /etc/apparmor.d/sbx"};
  if (in_chroot())
    return {"the caller is in a chroot, where the kernel refuses user namespaces", "run sbx outside of the chroot"};
  if (sysctl("user/max_user_namespaces") == 0) return no_room();
  if (under_seccomp_filter())
    return {"a seccomp filter, as containers have, forbids user namespaces",
            "start the container with --security-opt seccomp=unconfined, or with a filter that allows clone, unshare and mount"};
  return {"the kernel refuses user namespaces to this caller",
          "look for a security module's denial in the kernel's log (dmesg, journalctl -k)"};
}

Obstacle why_no_proc(int errno_value) {
  std::vector<std::string> covered;
  bool mounted = false;
  for (std::string& point : read_mount_points()) {
    if (point == "/proc") mounted = true;
    if (point.starts_with("/proc/") && point != "/proc/sys/fs/binfmt_misc") covered.push_back(std::move(point));
  }
  if (!covered.empty()) {
    // mount_too_revealing(): a user namespace gets a new proc only where it sees all of an old one.
    const std::size_t shown = std::min<std::size_t>(covered.size(), 2);
    std::string list = join({covered.begin(), covered.begin() + static_cast<std::ptrdiff_t>(shown)}, ", ");
    if (covered.size() > shown) list += " and more";
    return {cat("parts of /proc are covered here, as containers do (", list, "), and then the kernel refuses a new one"),
            "start the container with --security-opt systempaths=unconfined (podman: unmask=ALL)"};
  }
  if (!mounted) return {"no /proc is mounted here, and then the kernel refuses a new one", "mount -t proc proc /proc"};
  if (errno_value == ENODEV) return {"this kernel has no proc file system", "boot a kernel that has it"};
  return {"the kernel refuses a new /proc to this caller",
          "look for a security module's denial in the kernel's log (dmesg, journalctl -k)"};
}

}  // namespace sbx
