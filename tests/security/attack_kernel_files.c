// Opens the kernel's switches for writing (nothing is written) and its secrets for reading.
#include <dirent.h>

#include "attack.h"

static const char *switches[] = {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/sysrq",
    "/proc/sys/vm/overcommit_memory", "/proc/sys/fs/binfmt_misc/register", "/proc/sys/kernel/hostname", "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/ns_last_pid", "/proc/sys/user/max_user_namespaces", "/proc/sys/net/core/somaxconn", "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/profiling",
    "/sys/power/state", "/sys/module/kernel/parameters/panic", "/sys/devices/system/cpu/cpu1/online", "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/fuse", "/dev/net/tun", "/dev/kvm",
    "/dev/loop-control", "/dev/mapper/control", "/dev/snapshot", "/dev/vhost-vsock", "/dev/userfaultfd"};
static const char *secrets[] = {"/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/sched_debug",
    "/proc/latency_stats", "/proc/interrupts", "/proc/vmallocinfo", "/proc/slabinfo", "/proc/kpagecount", "/proc/iomem", "/sys/kernel/notes", "/sys/kernel/security/lsm",
    "/sys/kernel/debug", "/sys/kernel/tracing/trace", "/sys/firmware", "/sys/fs/pstore", "/etc/shadow", "/etc/gshadow", "/root"};

// A file below that takes writing, whichever it is.
static int writable_in(const char *directory, int depth) {
  DIR *entries = opendir(directory);
  if (!entries) return 0;
  int found = 0;
  for (struct dirent *entry; !found && (entry = readdir(entries));) {
    if (entry->d_name[0] == '.') continue;
    // Of /proc what belongs to processes is left out, and the pressure files, which take a trigger of one's own.
    if (!strcmp(directory, "/proc") && (strtol(entry->d_name, NULL, 10) > 0 || strstr(entry->d_name, "self") || !strcmp(entry->d_name, "pressure"))) continue;
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= (int)sizeof path) continue;
    if (entry->d_type == DT_DIR && depth > 0) found += writable_in(path, depth - 1);
    if (entry->d_type != DT_REG) continue;
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) continue;
    close(fd);
    ++found;
    reached("any", "%s", path);
  }
  closedir(entries);
  return found;
}

int main(void) {
  for (size_t i = 0; i < sizeof switches / sizeof *switches; ++i) outcome(switches[i], open(switches[i], O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  for (size_t i = 0; i < sizeof secrets / sizeof *secrets; ++i) {
    // A masked file reads as empty, a masked directory has no entry.
    const int fd = open(secrets[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char content[64];
    ssize_t got = fd < 0 ? -1 : read(fd, content, sizeof content);
    if (got < 0 && errno == EISDIR) got = syscall(SYS_getdents64, fd, (char[4096]){0}, 4096) > 48 ? 1 : 0;
    if (got == 0) errno = 0;
    if (got > 0) reached(secrets[i], "%zd bytes", got);
    else refused(secrets[i]);
    if (fd >= 0) close(fd);
  }
  if (writable_in("/proc", 5) + writable_in("/sys", 4) == 0) errno = EACCES, refused("any");
  return 0;
}
