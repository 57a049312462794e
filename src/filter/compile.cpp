#include "filter/compile.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <span>

#include "base/text.h"
#include "base/unique_fd.h"
#include "filter/evaluate.h"
#include "filter/head.h"

namespace sbx {
namespace {

struct ReleaseFilter {
  void operator()(void* context) const { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseFilter>;

// libseccomp returns a negative errno.
auto failed(int result, std::string_view what) {
  return fail_errno(Step::compile_filter, result < 0 ? -result : EIO, cat("libseccomp: ", what));
}

std::uint32_t scmp_architecture(Architecture architecture) {
  return architecture == Architecture::x86_64 ? SCMP_ARCH_X86_64 : SCMP_ARCH_AARCH64;
}

std::uint32_t scmp_denied(SeccompErrno action) {
  switch (action) {
    case SeccompErrno::kill: return SCMP_ACT_KILL_PROCESS;
    case SeccompErrno::log: return SCMP_ACT_LOG;
    case SeccompErrno::eperm: break;
  }
  return SCMP_ACT_ERRNO(EPERM);
}

// Negative where libseccomp has no number: a pseudo number (the architecture lacks the call), or an unknown name.
int resolve(Architecture architecture, std::string_view name) {
  return ::seccomp_syscall_resolve_name_arch(scmp_architecture(architecture), std::string(name).c_str());
}

// The numbers that libseccomp's tables lack, and the highest that any table has.
struct Numbers {
  std::vector<NewerNumber> newer;
  int highest = 0;
};
Numbers find_numbers(const FilterPolicy& policy, Architecture architecture) {
  Numbers numbers;
  for (std::size_t call = 0; call < call_count; ++call) {
    const int known = resolve(architecture, call_names[call]);
    numbers.highest = std::max(numbers.highest, known);
    const auto newer = newer_number(call);
    if (!newer || known >= 0) continue;
    numbers.newer.push_back({*newer, policy.default_deny ? policy.allowed.test(call) : !policy.denied.test(call)});
    numbers.highest = std::max(numbers.highest, *newer);
  }
  std::ranges::sort(numbers.newer, {}, &NewerNumber::number);
  return numbers;
}

// The context of one architecture: all calls that pass, or all that are denied. The library knows their numbers.
Result<Context> make_list(const FilterPolicy& policy, Architecture architecture) {
  const auto denied = scmp_denied(policy.action);
  Context context(::seccomp_init(policy.default_deny ? denied : SCMP_ACT_ALLOW));
  if (!context) return failed(-ENOMEM, "cannot make a filter");
  const auto wanted = scmp_architecture(architecture);
  if (wanted != ::seccomp_arch_native()) {
    if (const int r = ::seccomp_arch_add(context.get(), wanted); r < 0) return failed(r, "cannot add an architecture");
    if (const int r = ::seccomp_arch_remove(context.get(), SCMP_ARCH_NATIVE); r < 0)
      return failed(r, "cannot remove the native architecture");
  }
  const auto set = [&](scmp_filter_attr attribute, std::uint32_t value) {
    return ::seccomp_attr_set(context.get(), attribute, value);
  };
  if (const int r = set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS); r < 0) return failed(r, "no kill action");

  // clone3(2) has its flags in memory, where a filter can't look. glibc falls back on clone(2) by ENOSYS alone.
  const auto clone3 = *find_call("clone3");
  for (std::size_t call = 0; call < call_count; ++call) {
    const bool passes = policy.default_deny ? policy.allowed.test(call) : !policy.denied.test(call);
    std::uint32_t action = passes ? SCMP_ACT_ALLOW : denied;
    if (call == clone3 && (!passes || !policy.user_namespaces)) action = SCMP_ACT_ERRNO(ENOSYS);
    else if (passes != policy.default_deny) continue;  // the default answers it
    if (resolve(architecture, call_names[call]) < 0) continue;
    // The library translates numbers from the native architecture by name.
    const int number = ::seccomp_syscall_resolve_name(std::string(call_names[call]).c_str());
    if (const int r = ::seccomp_rule_add(context.get(), action, number, 0); r < 0)
      return failed(r, cat("cannot add ", call_names[call]));
  }
  return context;
}

Result<Bpf> export_list(const Context& context) {
  // 2.5 exports to a descriptor alone.
  const UniqueFd memory(::memfd_create("sbx-filter", MFD_CLOEXEC));
  if (!memory) return fail_errno(Step::compile_filter, errno, "memfd_create");
  if (const int r = ::seccomp_export_bpf(context.get(), memory.get()); r < 0) return failed(r, "cannot export");
  const auto size = ::lseek(memory.get(), 0, SEEK_END);
  if (size <= 0 || static_cast<std::size_t>(size) % sizeof(sock_filter) != 0) return failed(-EIO, "an odd export");
  Bpf bpf(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(memory.get(), bpf.data(), static_cast<std::size_t>(size), 0) != size)
    return fail_errno(Step::compile_filter, errno, "cannot read the filter back");
  return bpf;
}

// What libseccomp's program answers to each number. It looks at nothing but architecture and number, and compares the number
// with constants: between two of them the answer is one.
Result<NumberTree> tree_of(const Bpf& list, std::uint32_t architecture) {
  std::vector<std::uint32_t> edges = {0};
  for (const auto& one : list) {
    const auto kind = BPF_CLASS(one.code);
    const bool known = one.code == (BPF_LD | BPF_W | BPF_ABS)
                           ? one.k == offsetof(seccomp_data, nr) || one.k == offsetof(seccomp_data, arch)
                           : kind == BPF_RET || (kind == BPF_JMP && BPF_SRC(one.code) == BPF_K && BPF_OP(one.code) != BPF_JSET);
    if (!known) return failed(-EIO, "an instruction that a list of calls has no use for");
    if (kind != BPF_JMP || BPF_OP(one.code) == BPF_JA) continue;
    edges.push_back(one.k);
    edges.push_back(one.k + 1);
  }
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(list.data()), list.size() * sizeof(sock_filter));
  NumberTree tree(0);
  std::ranges::sort(edges);
  for (const auto edge : edges)
    tree.answer(edge, ~std::uint32_t{0}, evaluate_filter(bytes, {architecture, static_cast<int>(edge), {}}));
  return tree;
}

Result<> append_architecture(Bpf& program, const FilterPolicy& policy, Architecture architecture) {
  const auto number_of = [&](std::string_view name) {
    const int number = resolve(architecture, name);
    return number < 0 ? newer_number(*find_call(name)) : std::optional(number);
  };
  const auto numbers = find_numbers(policy, architecture);
  SBX_ASSIGN(const auto context, make_list(policy, architecture));
  SBX_ASSIGN(const auto list, export_list(context));
  SBX_ASSIGN(auto tree, tree_of(list, audit_architecture(architecture)));
  add_head(tree, policy, architecture, number_of, numbers.newer, numbers.highest);
  const auto code = tree.program();
  program.push_back(bpf_statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  program.push_back(bpf_jump(BPF_JMP | BPF_JEQ | BPF_K, audit_architecture(architecture), 1, 0));
  program.push_back(bpf_statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(code.size() + 1)));
  program.push_back(bpf_statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  std::ranges::copy(code, std::back_inserter(program));
  return {};
}

}  // namespace

Result<CompiledFilter> compile_filter(const SeccompSpec& spec, bool allow_user_namespaces) {
  SBX_ASSIGN(const auto policy, resolve_policy(spec, allow_user_namespaces));
  Bpf program;
  for (const auto architecture : policy.architectures) SBX_TRY(append_architecture(program, policy, architecture));
  // int 0x80 on x86-64, 32-bit ARM on aarch64: numbers mean other calls there, so that nothing of the above holds.
  program.push_back(bpf_statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  if (program.size() > BPF_MAXINSNS)
    return fail(Step::compile_filter, ErrorKind::profile,
                cat("the filter has ", program.size(), " instructions, the kernel takes ", BPF_MAXINSNS),
                "name fewer calls, or one architecture");
  CompiledFilter filter;
  filter.bpf.resize(program.size() * sizeof(sock_filter));
  std::memcpy(filter.bpf.data(), program.data(), filter.bpf.size());
  filter.digest = policy_digest(policy);
  return filter;
}

}  // namespace sbx
