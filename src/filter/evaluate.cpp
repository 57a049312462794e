// The kernel's rules for seccomp programs, from bpf_check_classic() of net/core/filter.c and seccomp_check_filter() of
// kernel/seccomp.c; what they refuse can't be loaded.
#include "filter/evaluate.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstring>
#include <optional>
#include <vector>

namespace sbx {
namespace {

bool is_jump_in_range(const sock_filter& instruction, std::size_t at, std::size_t size) {
  const std::size_t left = size - at - 1;  // instructions after this one
  if (instruction.code == (BPF_JMP | BPF_JA)) return instruction.k < left;
  return instruction.jt < left && instruction.jf < left;
}

bool is_allowed(const sock_filter& instruction, std::size_t at, std::size_t size) {
  switch (instruction.code) {
    case BPF_LD | BPF_W | BPF_ABS: return instruction.k % 4 == 0 && instruction.k < sizeof(seccomp_data);
    case BPF_ALU | BPF_DIV | BPF_K: return instruction.k != 0;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K: return instruction.k < 32;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX: return instruction.k < BPF_MEMWORDS;
    case BPF_JMP | BPF_JA:
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JEQ | BPF_X:
    case BPF_JMP | BPF_JGE | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_X:
    case BPF_JMP | BPF_JGT | BPF_K:
    case BPF_JMP | BPF_JGT | BPF_X:
    case BPF_JMP | BPF_JSET | BPF_K:
    case BPF_JMP | BPF_JSET | BPF_X: return is_jump_in_range(instruction, at, size);
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_ALU | BPF_NEG:
    case BPF_ALU | BPF_DIV | BPF_X:
    case BPF_ALU | BPF_LSH | BPF_X:
    case BPF_ALU | BPF_RSH | BPF_X: return true;
    default: break;
  }
  switch (instruction.code & ~static_cast<unsigned>(BPF_X)) {
    case BPF_ALU | BPF_ADD:
    case BPF_ALU | BPF_SUB:
    case BPF_ALU | BPF_MUL:
    case BPF_ALU | BPF_AND:
    case BPF_ALU | BPF_OR:
    case BPF_ALU | BPF_XOR: return true;
    default: return false;
  }
}

bool is_well_formed(const std::vector<sock_filter>& program) {
  if (program.empty() || program.size() > BPF_MAXINSNS) return false;
  for (std::size_t at = 0; at < program.size(); ++at)
    if (!is_allowed(program[at], at, program.size())) return false;
  return BPF_CLASS(program.back().code) == BPF_RET;
}

// Nothing: a division by zero, at which the kernel returns 0.
std::optional<std::uint32_t> calculate(unsigned operation, std::uint32_t a, std::uint32_t b) {
  switch (operation) {
    case BPF_ADD: return a + b;
    case BPF_SUB: return a - b;
    case BPF_MUL: return a * b;
    case BPF_DIV: return b == 0 ? std::nullopt : std::optional(a / b);
    case BPF_AND: return a & b;
    case BPF_OR: return a | b;
    case BPF_XOR: return a ^ b;
    case BPF_LSH: return a << (b & 31U);
    case BPF_RSH: return a >> (b & 31U);
    default: return 0U - a;  // BPF_NEG
  }
}

bool holds(unsigned comparison, std::uint32_t a, std::uint32_t b) {
  switch (comparison) {
    case BPF_JEQ: return a == b;
    case BPF_JGT: return a > b;
    case BPF_JGE: return a >= b;
    default: return (a & b) != 0;  // BPF_JSET
  }
}

struct Machine {
  std::uint32_t a = 0, x = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> memory{};
};

// LD, LDX, ST, STX and MISC.
void move(Machine& machine, const sock_filter& instruction, const seccomp_data& data) {
  auto& target = BPF_CLASS(instruction.code) == BPF_LDX ? machine.x : machine.a;
  switch (BPF_CLASS(instruction.code)) {
    case BPF_ST: machine.memory[instruction.k] = machine.a; return;
    case BPF_STX: machine.memory[instruction.k] = machine.x; return;
    case BPF_MISC:
      if (BPF_MISCOP(instruction.code) == BPF_TAX) machine.x = machine.a;
      else machine.a = machine.x;
      return;
    default: break;
  }
  switch (BPF_MODE(instruction.code)) {
    case BPF_IMM: target = instruction.k; break;
    case BPF_MEM: target = machine.memory[instruction.k]; break;
    case BPF_LEN: target = sizeof(seccomp_data); break;
    default: std::memcpy(&target, reinterpret_cast<const char*>(&data) + instruction.k, sizeof target);
  }
}

std::uint32_t run(const std::vector<sock_filter>& program, const seccomp_data& data) {
  Machine machine;
  // Jumps go forward alone, so that this ends.
  for (std::size_t at = 0; at < program.size(); ++at) {
    const auto& instruction = program[at];
    const std::uint32_t operand = BPF_SRC(instruction.code) == BPF_X ? machine.x : instruction.k;
    switch (BPF_CLASS(instruction.code)) {
      case BPF_RET: return BPF_RVAL(instruction.code) == BPF_A ? machine.a : instruction.k;
      case BPF_JMP:
        if (BPF_OP(instruction.code) == BPF_JA) at += instruction.k;
        else at += holds(BPF_OP(instruction.code), machine.a, operand) ? instruction.jt : instruction.jf;
        break;
      case BPF_ALU: {
        const auto value = calculate(BPF_OP(instruction.code), machine.a, operand);
        if (!value) return SECCOMP_RET_KILL_THREAD;
        machine.a = *value;
        break;
      }
      default: move(machine, instruction, data);
    }
  }
  return SECCOMP_RET_KILL_THREAD;
}

}  // namespace

std::uint32_t evaluate_filter(std::span<const std::uint8_t> bpf, const SyscallArguments& call) {
  if (bpf.empty() || bpf.size() % sizeof(sock_filter) != 0) return SECCOMP_RET_KILL_THREAD;
  std::vector<sock_filter> program(bpf.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bpf.data(), bpf.size());
  if (!is_well_formed(program)) return SECCOMP_RET_KILL_THREAD;
  seccomp_data data{};
  data.nr = call.number;
  data.arch = call.arch;
  for (std::size_t i = 0; i < 6; ++i) data.args[i] = call.arguments[i];
  return run(program, data);
}

}  // namespace sbx
