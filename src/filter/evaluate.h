// Runs classic BPF as seccomp(2) does, for tests and `sbx profile`.
#pragma once
#include <cstdint>
#include <span>

namespace sbx {
struct SyscallArguments {
  std::uint32_t arch;
  int number;
  std::uint64_t arguments[6];
};
// The SECCOMP_RET_* value, or 0 (SECCOMP_RET_KILL_THREAD) for a malformed program.
std::uint32_t evaluate_filter(std::span<const std::uint8_t> bpf, const SyscallArguments& call);
}  // namespace sbx
