#include "kernel/landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

// Debian 12's headers end with ABI 2 or so; the numbers are the kernel's and never change.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

namespace sbx {
namespace {

constexpr std::uint64_t execute_file = 1U << 0, write_file = 1U << 1, read_file = 1U << 2, read_dir = 1U << 3;
constexpr std::uint64_t remove_dir = 1U << 4, remove_file = 1U << 5, make_dir = 1U << 7;  // 6: make_char, never granted
constexpr std::uint64_t make_reg = 1U << 8, make_sock = 1U << 9, make_fifo = 1U << 10;    // 11: make_block, likewise
constexpr std::uint64_t make_sym = 1U << 12;
constexpr std::uint64_t refer = 1U << 13;      // ABI 2 (Linux 5.19)
constexpr std::uint64_t truncate = 1U << 14;   // ABI 3 (6.2)
constexpr std::uint64_t ioctl_dev = 1U << 15;  // ABI 5 (6.10)
constexpr std::uint64_t bind_tcp = 1U << 0, connect_tcp = 1U << 1;          // ABI 4 (6.7)
constexpr std::uint64_t abstract_unix_socket = 1U << 0, scope_signal = 1U << 1;  // ABI 6 (6.12)

// What a rule on a file that is no directory may name; the kernel answers EINVAL to the rest (ACCESS_FILE in
// security/landlock/fs.c).
constexpr std::uint64_t file_rights = execute_file | write_file | read_file | truncate | ioctl_dev;

std::uint64_t filesystem_rights(int abi) {
  if (abi < 1) return 0;
  std::uint64_t rights = (make_sym << 1) - 1;
  if (abi >= 2) rights |= refer;
  if (abi >= 3) rights |= truncate;
  if (abi >= 5) rights |= ioctl_dev;
  return rights;
}

// struct landlock_ruleset_attr as of ABI 6: an older kernel is given the part that it knows, since it answers E2BIG to
// what lies beyond (unless it is all zero).
struct RulesetAttributes {
  std::uint64_t handled_access_fs, handled_access_net, scoped;
};

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

LandlockRights landlock_handled(int abi, bool filesystem, bool tcp, bool scope_sockets, bool scope_signals) {
  LandlockRights rights;
  if (filesystem) rights.filesystem = filesystem_rights(abi);
  if (tcp && abi >= 4) rights.network = bind_tcp | connect_tcp;
  if (scope_sockets && abi >= 6) rights.scope |= abstract_unix_socket;
  if (scope_signals && abi >= 6) rights.scope |= scope_signal;
  return rights;
}

std::uint64_t landlock_access(int abi, bool write, bool execute, bool devices, bool directory) {
  std::uint64_t access = read_file | read_dir;
  if (execute) access |= execute_file;
  if (write)
    access |= write_file | truncate | remove_dir | remove_file | make_dir | make_reg | make_sock | make_fifo | make_sym |
              refer;
  // Nodes can't be made here in any case (mknod(2) wants CAP_MKNOD over the file system), so that no rule grants it:
  // make_char and make_block stay handled and refused. `devices` is about using those that are there.
  if (devices) access |= ioctl_dev | write_file | truncate;
  if (!directory) access &= file_rights;
  return access & filesystem_rights(abi);
}

int landlock_create(const LandlockRights& handled) {
  const RulesetAttributes attributes{handled.filesystem, handled.network, handled.scope};
  std::size_t size = sizeof(attributes.handled_access_fs);
  if (handled.network != 0) size = offsetof(RulesetAttributes, scoped);
  if (handled.scope != 0) size = sizeof(attributes);
  const long fd = ::syscall(SYS_landlock_create_ruleset, &attributes, size, 0U);
  return fd < 0 ? -errno : static_cast<int>(fd);  // close-on-exec from birth
}

int landlock_allow(int ruleset, int path_fd, std::uint64_t access) {
  const landlock_path_beneath_attr rule{.allowed_access = access, .parent_fd = path_fd};
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) < 0 ? -errno : 0;
}

int landlock_restrict(int ruleset) {
  return ::syscall(SYS_landlock_restrict_self, ruleset, 0U) < 0 ? -errno : 0;
}

}  // namespace sbx
