// Filters, tested by running their BPF on {architecture, number, arguments}.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "catch.h"
#include "filter/compile.h"
#include "filter/evaluate.h"

using namespace sbx;

namespace {

// A call's number on both architectures; -1: it has none.
struct Call {
  int x86_64, aarch64;
};
constexpr Call call_read{0, 63}, call_write{1, 64}, call_close{3, 57}, call_ioctl{16, 29}, call_socket{41, 198},
    call_socketpair{53, 199}, call_clone{56, 220}, call_execve{59, 221}, call_exit{60, 93}, call_ptrace{101, 117},
    call_personality{135, 92}, call_rt_sigreturn{15, 139}, call_mount{165, 40}, call_futex{202, 98},
    call_exit_group{231, 94}, call_keyctl{250, 219}, call_openat{257, 56}, call_unshare{272, 97}, call_setns{308, 268},
    call_bpf{321, 280}, call_openat2{437, 437}, call_clone3{435, 435}, call_fchmodat2{452, 452},
    call_cachestat{451, 451}, call_open{2, -1}, call_file_getattr{468, 468};

constexpr std::uint32_t eperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t no_family = SECCOMP_RET_ERRNO | EAFNOSUPPORT;
constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kill_process = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint64_t upper = 0xdeadbeef00000000;

struct Filter {
  std::vector<std::uint8_t> bpf;
  bool aarch64 = false;
  std::uint32_t all(Call call, std::array<std::uint64_t, 4> a) const {
    return evaluate_filter(bpf, {aarch64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64,
                                 aarch64 ? call.aarch64 : call.x86_64,
                                 {a[0], a[1], a[2], a[3], 0, 0}});
  }
  std::uint32_t operator()(Call call, std::uint64_t a0 = 0, std::uint64_t a1 = 0) const {
    return number(aarch64 ? call.aarch64 : call.x86_64, a0, a1);
  }
  std::uint32_t number(int number, std::uint64_t a0 = 0, std::uint64_t a1 = 0) const {
    return on(aarch64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64, number, a0, a1);
  }
  std::uint32_t on(std::uint32_t arch, int number, std::uint64_t a0 = 0, std::uint64_t a1 = 0) const {
    return evaluate_filter(bpf, {arch, number, {a0, a1, 0, 0, 0, 0}});
  }
};

Filter compiled(SeccompSpec spec, bool user_namespaces = false) {
  const auto filter = compile_filter(spec, user_namespaces);
  INFO((filter ? std::string() : format_error(filter.error())));
  REQUIRE(filter);
  return {filter->bpf, spec.architectures.front() == "aarch64"};
}

SeccompSpec service(std::string architecture = "x86-64") {
  SeccompSpec spec;
  spec.allow = {"@system-service"};
  spec.deny = {"@keyring"};
  spec.architectures = {std::move(architecture)};
  return spec;
}

std::string refusal(const SeccompSpec& spec) {
  const auto filter = compile_filter(spec, false);
  REQUIRE_FALSE(filter);
  CHECK(filter.error().step == Step::compile_filter);
  CHECK(filter.error().kind == ErrorKind::profile);
  return format_error(filter.error());
}

}  // namespace

TEST_CASE("only what is named passes") {
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    const auto filter = compiled(service(architecture));
    CHECK(filter(call_openat) == allow);
    CHECK(filter(call_socket, AF_INET) == allow);
    CHECK(filter(call_mount) == eperm);
    CHECK(filter(call_ptrace) == eperm);
    CHECK(filter(call_bpf) == eperm);
    CHECK(filter(call_keyctl) == eperm);
    CHECK(filter(call_execve) == allow);
  }
  CHECK(compiled(service())(call_open) == allow);
}

TEST_CASE("an empty list leaves what starting needs and systemd's @default, whatever is denied") {
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    SeccompSpec spec;
    spec.architectures = {architecture};
    spec.deny = {"@default", "@file-system", "@basic-io"};
    const auto filter = compiled(spec);
    for (const auto call :
         {call_execve, call_read, call_write, call_close, call_exit, call_exit_group, call_rt_sigreturn, call_futex})
      CHECK(filter(call) == allow);
    CHECK(filter(call_openat) == eperm);
  }
}

TEST_CASE("what is denied is denied though a set that is allowed holds it") {
  auto spec = service();
  spec.deny = {"@network-io", "personality"};
  const auto filter = compiled(spec);
  CHECK(filter(call_socket, AF_UNIX) == eperm);
  CHECK(filter(call_personality, 0) == eperm);
  CHECK(filter(call_openat) == allow);
}

TEST_CASE("foreign architectures are killed") {
  const auto x86 = compiled(service("x86-64"));
  CHECK(x86.on(AUDIT_ARCH_I386, 4) == kill_process);  // int 0x80: write there, stat here
  CHECK(x86.on(AUDIT_ARCH_I386, call_read.x86_64) == kill_process);
  CHECK(x86.on(AUDIT_ARCH_AARCH64, call_read.aarch64) == kill_process);
  const auto arm = compiled(service("aarch64"));
  CHECK(arm.on(AUDIT_ARCH_ARM, 3) == kill_process);
  CHECK(arm.on(AUDIT_ARCH_X86_64, 0) == kill_process);

  auto both = service();
  both.architectures = {"aarch64", "x86-64", "arm64"};
  const auto two = compiled(both);
  CHECK(two.on(AUDIT_ARCH_X86_64, call_openat.x86_64) == allow);
  CHECK(two.on(AUDIT_ARCH_AARCH64, call_openat.aarch64) == allow);
  CHECK(two.on(AUDIT_ARCH_AARCH64, call_mount.aarch64) == eperm);
  CHECK(two.on(AUDIT_ARCH_I386, 4) == kill_process);
}

TEST_CASE("x32 calls are killed, a call that a tracer took away is left to it") {
  for (bool deny : {true, false}) {
    auto spec = service();
    spec.default_deny = deny;
    const auto filter = compiled(spec);
    CHECK(filter.number(0x40000000 | call_read.x86_64) == kill_process);
    CHECK(filter.number(0x40000000 | 512) == kill_process);
    CHECK(filter.number(0x7fffffff) == kill_process);
    CHECK(filter.number(-2) == kill_process);
    CHECK(filter.number(-1) == allow);
  }
}

TEST_CASE("TIOCSTI and TIOCLINUX are refused whatever the upper bits and whoever is named") {
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    for (bool deny : {true, false}) {
      auto spec = service(architecture);
      spec.allow.emplace_back("ioctl");
      spec.default_deny = deny;
      const auto filter = compiled(spec);
      for (const std::uint64_t request : {TIOCSTI, TIOCLINUX}) {
        CHECK(filter(call_ioctl, 0, request) == eperm);
        CHECK(filter(call_ioctl, 0, upper | request) == eperm);
        CHECK(filter(call_ioctl, upper, 0x100000000 | request) == eperm);
      }
      CHECK(filter(call_ioctl, 0, TCGETS) == allow);
      CHECK(filter(call_ioctl, TIOCSTI, TIOCGWINSZ) == allow);
      CHECK(filter(call_ioctl, 0, TIOCSETD) == allow);  // named: the narrowing rule falls
    }
    const auto filter = compiled(service(architecture));
    CHECK(filter(call_ioctl, 0, TIOCSETD) == eperm);
    CHECK(filter(call_ioctl, 0, upper | TIOCSETD) == eperm);
    CHECK(filter(call_ioctl, 0, upper | TCGETS) == allow);
  }
}

TEST_CASE("user namespaces are refused unless the profile allows them") {
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    for (bool deny : {true, false}) {
      auto spec = service(architecture);
      spec.default_deny = deny;
      spec.allow.insert(spec.allow.end(), {"clone", "unshare", "setns", "clone3"});
      const auto refused = compiled(spec);
      CHECK(refused(call_clone, CLONE_NEWUSER | SIGCHLD) == eperm);
      CHECK(refused(call_clone, upper | CLONE_NEWUSER | CLONE_NEWNS) == eperm);
      CHECK(refused(call_clone, CLONE_VM | CLONE_FS | SIGCHLD) == allow);
      CHECK(refused(call_clone, upper | CLONE_VM) == allow);
      CHECK(refused(call_unshare, CLONE_NEWUSER | CLONE_NEWNET) == eperm);
      CHECK(refused(call_unshare, CLONE_FILES) == allow);
      CHECK(refused(call_setns, 3, 0) == eperm);
      CHECK(refused(call_setns, 3, CLONE_NEWUSER) == eperm);
      CHECK(refused(call_clone3) == enosys);

      const auto allowed = compiled(spec, true);
      CHECK(allowed(call_clone, CLONE_NEWUSER | SIGCHLD) == allow);
      CHECK(allowed(call_unshare, CLONE_NEWUSER) == allow);
      CHECK(allowed(call_setns, 3, CLONE_NEWUSER) == allow);
      CHECK(allowed(call_clone3) == allow);
    }
  }
}

TEST_CASE("a denied clone3 is ENOSYS, so that a C library falls back on clone") {
  auto spec = service();
  spec.deny = {"clone3"};
  CHECK(compiled(spec, true)(call_clone3) == enosys);
  spec.action = SeccompErrno::kill;
  CHECK(compiled(spec, true)(call_clone3) == enosys);
  spec.default_deny = false;
  CHECK(compiled(spec, true)(call_clone3) == enosys);
}

TEST_CASE("sockets are of the families that commands use, unless socket is named") {
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    auto spec = service(architecture);
    const auto filter = compiled(spec);
    for (const std::uint64_t family : {AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
      CHECK(filter(call_socket, family) == allow);
      CHECK(filter(call_socketpair, family) == allow);
    }
    for (const std::uint64_t family : {AF_VSOCK, AF_ALG, AF_PACKET, AF_BLUETOOTH, AF_CAN, AF_TIPC, AF_XDP, 4711}) {
      CHECK(filter(call_socket, family) == no_family);
      CHECK(filter(call_socket, upper | family) == no_family);
      CHECK(filter(call_socketpair, family) == no_family);
    }
    spec.allow.emplace_back("socket");
    const auto named = compiled(spec);
    CHECK(named(call_socket, AF_VSOCK) == allow);
    CHECK(named(call_socketpair, AF_TIPC) == no_family);
  }
}

TEST_CASE("no set-user-id program is made, unless the call is named") {
  constexpr std::uint64_t garbage = 0xffffffff;
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    auto spec = service(architecture);
    const auto filter = compiled(spec);
    for (const std::uint64_t mode : {04755U, 04000U, 06711U}) {
      for (const std::uint64_t bits : {mode, upper | mode}) {
        CHECK(filter.all({91, 52}, {3, bits}) == eperm);      // fchmod
        CHECK(filter.all({268, 53}, {0, 1, bits}) == eperm);  // fchmodat
        CHECK(filter.all(call_fchmodat2, {0, 1, bits}) == eperm);
        CHECK(filter.all(call_openat, {0, 1, O_CREAT | O_WRONLY, bits}) == eperm);
        CHECK(filter.all(call_openat, {0, 1, O_TMPFILE | O_RDWR, bits}) == eperm);
        CHECK(filter.all({259, 33}, {0, 1, bits}) == eperm);  // mknodat
      }
    }
    CHECK(filter.all({91, 52}, {3, 02755}) == allow);
    CHECK(filter.all({268, 53}, {04000, 04000, 01777}) == allow);
    CHECK(filter.all(call_fchmodat2, {0, 1, 0644}) == allow);
    CHECK(filter.all(call_openat, {0, 1, O_CREAT, 0644}) == allow);
    CHECK(filter.all(call_openat, {0, 1, O_RDONLY | O_DIRECTORY, garbage}) == allow);  // a mode that isn't looked at
    CHECK(filter(call_openat2) == enosys);
    spec.allow.insert(spec.allow.end(), {"fchmod", "fchmodat2", "openat", "openat2"});
    const auto named = compiled(spec);
    CHECK(named.all({91, 52}, {3, 04755}) == allow);
    CHECK(named.all(call_fchmodat2, {0, 1, 04755}) == allow);
    CHECK(named.all(call_openat, {0, 1, O_CREAT, 04755}) == allow);
    CHECK(named(call_openat2) == allow);
    CHECK(named.all({268, 53}, {0, 1, 04755}) == eperm);
  }
  const auto x86 = compiled(service());
  CHECK(x86.all({90, -1}, {0, 04755}) == eperm);   // chmod
  CHECK(x86.all({85, -1}, {0, 04755}) == eperm);   // creat
  CHECK(x86.all({133, -1}, {0, 04755}) == eperm);  // mknod
  CHECK(x86.all(call_open, {0, O_CREAT, 04755}) == eperm);
  CHECK(x86.all(call_open, {0, O_RDONLY, garbage}) == allow);
}

TEST_CASE("personality takes what weakens nothing, unless it is named") {
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    auto spec = service(architecture);
    const auto filter = compiled(spec);
    for (const std::uint64_t persona : {0x0U, 0x8U, 0x20000U, 0x20008U, 0x40000U, 0xffffffffU})
      CHECK(filter(call_personality, persona) == allow);
    for (const std::uint64_t persona : {0x400000U, 0x100000U, 0x6U, 0x440000U})
      CHECK(filter(call_personality, persona) == eperm);
    CHECK(filter(call_personality, upper | 0x400000) == eperm);
    spec.allow.emplace_back("personality");
    CHECK(compiled(spec)(call_personality, 0x400000) == allow);
  }
}

TEST_CASE("calls newer than the tables don't exist inside, newer ones with a name follow the lists") {
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    auto spec = service(architecture);
    const auto filter = compiled(spec);
    CHECK(filter(call_fchmodat2) == allow);  // of @file-system
    CHECK(filter(call_file_getattr) == allow);
    CHECK(filter(call_cachestat) == eperm);  // of no set
    CHECK(filter.number(470) == enosys);
    CHECK(filter.number(999) == enosys);
    spec.deny = {"fchmodat2"};
    spec.allow.emplace_back("cachestat");
    CHECK(compiled(spec)(call_fchmodat2) == eperm);
    CHECK(compiled(spec)(call_cachestat) == allow);
    spec.default_deny = false;
    CHECK(compiled(spec)(call_fchmodat2) == eperm);
    CHECK(compiled(spec)(call_file_getattr) == allow);
    CHECK(compiled(spec).number(999) == allow);
  }
}

TEST_CASE("the action is the profile's, but never opens what is promised") {
  auto spec = service();
  spec.action = SeccompErrno::kill;
  const auto killing = compiled(spec);
  CHECK(killing(call_mount) == kill_process);
  CHECK(killing(call_ioctl, 0, TIOCSTI) == kill_process);
  CHECK(killing(call_socket, AF_VSOCK) == no_family);
  CHECK(killing.number(999) == enosys);
  spec.action = SeccompErrno::log;
  const auto logging = compiled(spec);
  CHECK(logging(call_mount) == SECCOMP_RET_LOG);
  CHECK(logging(call_socket, AF_VSOCK) == SECCOMP_RET_LOG);
  CHECK(logging.number(999) == SECCOMP_RET_LOG);
  CHECK(logging(call_ioctl, 0, TIOCSTI) == eperm);
  CHECK(logging(call_unshare, CLONE_NEWUSER) == eperm);
  CHECK(logging.on(AUDIT_ARCH_I386, 4) == kill_process);
}

TEST_CASE("with default allow only what is denied fails") {
  for (const auto* architecture : {"x86-64", "aarch64"}) {
    SeccompSpec spec;
    spec.default_deny = false;
    spec.deny = {"@mount", "ptrace"};
    spec.architectures = {architecture};
    const auto filter = compiled(spec);
    CHECK(filter(call_mount) == eperm);
    CHECK(filter(call_ptrace) == eperm);
    CHECK(filter(call_bpf) == allow);
    CHECK(filter(call_keyctl) == allow);
    CHECK_FALSE(policy_allows_mount(spec));
    spec.deny = {};
    CHECK(policy_allows_mount(spec));
  }
}

TEST_CASE("a policy that allows mounting says so") {
  auto spec = service();
  CHECK_FALSE(policy_allows_mount(spec));
  spec.allow.emplace_back("@mount");
  CHECK(policy_allows_mount(spec));
  spec.deny.emplace_back("mount");
  CHECK(policy_allows_mount(spec));
  spec.deny.emplace_back("move_mount");
  CHECK_FALSE(policy_allows_mount(spec));
}

TEST_CASE("names are checked, the nearest is told") {
  auto spec = service();
  spec.origin = "my.toml:7";
  spec.allow = {"@system-servise"};
  CHECK(refusal(spec) ==
        "cannot compile the seccomp filter: my.toml:7: seccomp.allow: no set of system calls is named "
        "\"@system-servise\"; did you mean \"@system-service\"? [compile-filter]");
  spec.allow = {"opnat"};
  CHECK(refusal(spec).find("did you mean \"openat\"?") != std::string::npos);
  spec.allow = {"~openat"};
  CHECK(refusal(spec).find("did you mean \"openat\"?") != std::string::npos);
  spec.allow = {""};
  refusal(spec);
  spec.allow = {};
  spec.deny = {"execve"};
  CHECK(refusal(spec).find("no command can start without \"execve\"") != std::string::npos);
  spec.deny = {};
  spec.architectures = {"x86"};
  CHECK(refusal(spec).find("seccomp.architectures: \"x86\"") != std::string::npos);
  spec.architectures = {};
  CHECK(refusal(spec).find("empty") != std::string::npos);
}

TEST_CASE("equal policies have equal text and digest, however they are written") {
  auto one = service();
  auto other = service();
  other.allow = {"@file-system", "@system-service", "@system-service"};
  other.deny = {"add_key", "keyctl", "request_key"};
  CHECK(*filter_policy(one, false) == *filter_policy(other, false));
  CHECK(compile_filter(one, false)->digest == compile_filter(other, false)->digest);
  CHECK(compile_filter(one, false)->digest.size() == 64);
  CHECK(*filter_policy(one, false) != *filter_policy(one, true));
  other.allow.emplace_back("socket");  // the same calls, one freed of its argument rule
  CHECK(*filter_policy(one, false) != *filter_policy(other, false));
  CHECK(*filter_policy(service("x86-64"), false) != *filter_policy(service("aarch64"), false));
}

TEST_CASE("policy texts are as kept in tests/data/filter") {
  auto log = service("aarch64");
  log.action = SeccompErrno::log;
  log.allow = {"@basic-io", "socket"};
  SeccompSpec open;
  open.default_deny = false;
  open.deny = {"@mount", "@keyring"};
  open.architectures = {"x86-64"};
  const std::pair<const char*, std::string> texts[] = {{"service", *filter_policy(service(), false)},
                                                       {"basic-io-log", *filter_policy(log, false)},
                                                       {"default-allow-nested", *filter_policy(open, true)}};
  for (const auto& [name, text] : texts) {
    const auto path = cat(TEST_DATA, "/filter/", name, ".policy");
    if (std::getenv("SBX_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
    std::ostringstream kept;
    kept << std::ifstream(path).rdbuf();
    INFO(path << ": rewrite with SBX_UPDATE_GOLDEN=1");
    CHECK(kept.str() == text);
  }
}

TEST_CASE("a filter fits the kernel and stays small") {
  auto spec = service();
  spec.allow = {"@known"};
  spec.architectures = {"x86-64", "aarch64"};
  CHECK(compiled(spec).bpf.size() <= 4096 * 8);
  CHECK(compiled(service()).bpf.size() < 400 * 8);
}
