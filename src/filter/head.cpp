#include "filter/head.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>

namespace sbx {
namespace {

constexpr std::uint32_t errno_result(int value) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(value); }

// All rules look at the low 32 bits alone: the kernel takes these arguments as int or unsigned int and ignores the
// rest, so that a value with upper bits set must not slip past (CVE-2019-10063).
enum class Test : std::uint8_t { refuse_listed, refuse_others, refuse_bits };
struct ArgumentRule {
  std::string_view call;
  unsigned argument;
  Test test;
  std::vector<std::uint32_t> values;
  std::uint32_t refusal;
  unsigned flags_argument = 0;     // the rule holds where this argument has one of these bits;
  std::uint32_t flags_needed = 0;  // 0: always
};

// What is promised whatever a profile lists.
void add_promised_rules(std::vector<ArgumentRule>& rules, const FilterPolicy& policy) {
  // "log" lets denied calls through to learn what a program needs; it isn't to open the sandbox.
  const auto refusal = policy.action == SeccompErrno::log ? errno_result(EPERM) : denied_result(policy.action);
  // TIOCSTI types into the caller's terminal, TIOCLINUX pastes there (ioctl_tty(2), ioctl_console(2)).
  rules.push_back({"ioctl", 1, Test::refuse_listed, {TIOCSTI, TIOCLINUX}, refusal});
  if (policy.user_namespaces) return;
  // A new user namespace holds all capabilities and with them the kernel's least tested code. clone(2) has its flags
  // first on both architectures. setns(2) with a type of 0 joins whatever the descriptor is: it goes altogether.
  rules.push_back({"clone", 0, Test::refuse_bits, {CLONE_NEWUSER}, refusal});
  rules.push_back({"unshare", 0, Test::refuse_bits, {CLONE_NEWUSER}, refusal});
  rules.push_back({"setns", 0, Test::refuse_others, {}, refusal});
}

// What narrows the kernel's surface; a profile lifts a rule by naming its call.
void add_surface_rules(std::vector<ArgumentRule>& rules, const FilterPolicy& policy) {
  const auto named = [&](std::string_view call) { return policy.plain.test(*find_call(call)); };
  const auto refusal = denied_result(policy.action);
  // Line disciplines: each call may load a module, and several had holes (n_gsm, n_hdlc).
  if (!named("ioctl")) rules.push_back({"ioctl", 1, Test::refuse_listed, {TIOCSETD}, refusal});
  // AF_VSOCK reaches the hypervisor from any network namespace, AF_ALG, AF_CAN, AF_BLUETOOTH and the like are kernel
  // code that a command hardly needs. EAFNOSUPPORT is what a kernel without them says, and programs go on.
  for (const std::string_view call : {"socket", "socketpair"})
    if (!named(call))
      rules.push_back({call,
                       0,
                       Test::refuse_others,
                       {AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK},
                       policy.action == SeccompErrno::log ? refusal : errno_result(EAFNOSUPPORT)});
  // Emulations of other systems have their own entry points; no randomization weakens no one but the payload.
  constexpr auto uname26_32 = static_cast<std::uint32_t>(PER_LINUX32) | static_cast<std::uint32_t>(UNAME26);
  if (!named("personality"))
    rules.push_back({"personality",
                     0,
                     Test::refuse_others,
                     {PER_LINUX, PER_LINUX32, UNAME26, uname26_32, ADDR_NO_RANDOMIZE, 0xffffffff},
                     refusal});
}

// A set-user-id program that the payload leaves in a writable directory is the caller's on the host, where no nosuid
// holds: whoever executes it there becomes the caller. The kernel takes that bit on creation too (open(2)).
void add_set_user_id_rules(std::vector<ArgumentRule>& rules, const FilterPolicy& policy) {
  const auto refusal = denied_result(policy.action);
  struct ModeCall {
    std::string_view call;
    unsigned mode, flags;
    bool by_flags;
  };
  static constexpr ModeCall calls[] = {{"chmod", 1, 0, false},     {"fchmod", 1, 0, false}, {"fchmodat", 2, 0, false},
                                       {"fchmodat2", 2, 0, false}, {"creat", 1, 0, false},  {"mknod", 1, 0, false},
                                       {"mknodat", 2, 0, false},   {"open", 2, 1, true},    {"openat", 3, 2, true}};
  for (const auto& [call, mode, flags, by_flags] : calls) {
    if (policy.plain.test(*find_call(call))) continue;
    // Where nothing is made the mode is whatever the register held.
    const auto needed = by_flags ? static_cast<std::uint32_t>(O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) : 0U;
    rules.push_back({call, mode, Test::refuse_bits, {S_ISUID}, refusal, flags, needed});
  }
  // openat2(2) has its mode in memory; callers of it know kernels before 5.6.
  if (!policy.plain.test(*find_call("openat2")))
    rules.push_back({"openat2", 0, Test::refuse_others, {}, errno_result(ENOSYS)});
}

constexpr std::uint32_t low_half(unsigned argument) {  // both architectures are little-endian
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));
}

sock_filter load(std::uint32_t offset) { return bpf_statement(BPF_LD | BPF_W | BPF_ABS, offset); }

// Where flags matter: load them, JSET, else to the end; load; one JEQ or JSET a value; the refusal; the end.
Bpf rule_code(const ArgumentRule& rule) {
  const auto count = rule.values.size();
  const bool refuse_others = rule.test == Test::refuse_others;
  const auto compare = BPF_JMP | BPF_K | static_cast<unsigned>(rule.test == Test::refuse_bits ? BPF_JSET : BPF_JEQ);
  Bpf code;
  if (rule.flags_needed != 0) {
    code.push_back(load(low_half(rule.flags_argument)));
    code.push_back(bpf_jump(BPF_JMP | BPF_JSET | BPF_K, rule.flags_needed, 0, count + 2));
  }
  if (count != 0) code.push_back(load(low_half(rule.argument)));
  for (std::size_t left = count; left-- > 0;) {
    // `left` comparisons and then the refusal lie between here and the end.
    const auto value = rule.values[count - 1 - left];
    if (refuse_others) code.push_back(bpf_jump(compare, value, left + 1, 0));
    else code.push_back(bpf_jump(compare, value, left, left == 0 ? 1 : 0));
  }
  code.push_back(bpf_statement(BPF_RET | BPF_K, rule.refusal));
  return code;
}

}  // namespace

std::uint32_t audit_architecture(Architecture architecture) {
  return architecture == Architecture::x86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
}

std::uint32_t denied_result(SeccompErrno action) {
  switch (action) {
    case SeccompErrno::kill: return SECCOMP_RET_KILL_PROCESS;
    case SeccompErrno::log: return SECCOMP_RET_LOG;
    case SeccompErrno::eperm: break;
  }
  return errno_result(EPERM);
}

void add_head(NumberTree& tree, const FilterPolicy& policy, Architecture architecture, const CallNumber& number_of,
              const std::vector<NewerNumber>& newer, int highest) {
  constexpr std::uint32_t last = 0xffffffff, x32 = 0x40000000;
  // A C library tries the newest call first and falls back on ENOSYS, but not on EPERM: a call that is newer than these
  // tables doesn't exist inside.
  if (policy.default_deny)
    tree.answer(static_cast<std::uint32_t>(highest) + 1, last,
                policy.action == SeccompErrno::log ? SECCOMP_RET_LOG : errno_result(ENOSYS));
  for (const auto& [number, allowed] : newer)
    tree.answer(static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number),
                allowed ? SECCOMP_RET_ALLOW : denied_result(policy.action));
  // x32 has the same AUDIT_ARCH and __X32_SYSCALL_BIT in the number.
  if (architecture == Architecture::x86_64) tree.answer(x32, last, SECCOMP_RET_KILL_PROCESS);
  // A tracer that has skipped a call leaves -1, and the filter's errno would overwrite its answer. No call is done.
  tree.answer(last, last, SECCOMP_RET_ALLOW);
  std::vector<ArgumentRule> rules;
  add_promised_rules(rules, policy);
  add_surface_rules(rules, policy);
  add_set_user_id_rules(rules, policy);
  for (const auto& rule : rules)
    if (const auto number = number_of(rule.call)) tree.add_rule(static_cast<std::uint32_t>(*number), rule_code(rule));
}

}  // namespace sbx
