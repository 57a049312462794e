// The interpreter of filters: programs that the kernel takes, and programs that it refuses.
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstring>

#include "catch.h"
#include "filter/evaluate.h"

using namespace sbx;

namespace {

using Program = std::vector<sock_filter>;
constexpr std::uint32_t killed = SECCOMP_RET_KILL_THREAD;

std::uint32_t run(const Program& program, SyscallArguments call = {7, 42, {0x1122334455667788, 2, 3, 4, 5, 6}}) {
  std::vector<std::uint8_t> bytes(program.size() * sizeof(sock_filter));
  if (!program.empty()) std::memcpy(bytes.data(), program.data(), bytes.size());
  return evaluate_filter(bytes, call);
}
sock_filter st(unsigned code, std::uint32_t k = 0) { return BPF_STMT(static_cast<std::uint16_t>(code), k); }
sock_filter jump(unsigned code, std::uint32_t k, std::uint8_t jt, std::uint8_t jf) {
  return BPF_JUMP(static_cast<std::uint16_t>(code), k, jt, jf);
}
const auto ret_a = BPF_RET | BPF_A;
const auto load = BPF_LD | BPF_W | BPF_ABS;

}  // namespace

TEST_CASE("data is loaded as the kernel lays it out") {
  CHECK(run({st(load, 0), st(ret_a)}) == 42);
  CHECK(run({st(load, 4), st(ret_a)}) == 7);
  CHECK(run({st(load, 16), st(ret_a)}) == 0x55667788);
  CHECK(run({st(load, 20), st(ret_a)}) == 0x11223344);
  CHECK(run({st(load, 56), st(ret_a)}) == 6);
  CHECK(run({st(BPF_LD | BPF_W | BPF_LEN), st(ret_a)}) == 64);
  CHECK(run({st(BPF_LDX | BPF_W | BPF_LEN), st(BPF_MISC | BPF_TXA), st(ret_a)}) == 64);
}

TEST_CASE("arithmetic, memory and jumps") {
  const auto imm = BPF_LD | BPF_IMM;
  const auto alu = [&](unsigned op, std::uint32_t a, std::uint32_t b) {
    const auto by_k = run({st(imm, a), st(BPF_ALU | op | BPF_K, b), st(ret_a)});
    CHECK(by_k == run({st(imm, a), st(BPF_LDX | BPF_IMM, b), st(BPF_ALU | op | BPF_X), st(ret_a)}));
    return by_k;
  };
  CHECK(alu(BPF_ADD, 0xffffffff, 2) == 1);
  CHECK(alu(BPF_SUB, 1, 2) == 0xffffffff);
  CHECK(alu(BPF_MUL, 3, 5) == 15);
  CHECK(alu(BPF_DIV, 17, 5) == 3);
  CHECK(alu(BPF_AND, 12, 10) == 8);
  CHECK(alu(BPF_OR, 12, 10) == 14);
  CHECK(alu(BPF_XOR, 12, 10) == 6);
  CHECK(alu(BPF_LSH, 1, 4) == 16);
  CHECK(alu(BPF_RSH, 16, 4) == 1);
  CHECK(run({st(imm, 5), st(BPF_ALU | BPF_NEG), st(ret_a)}) == 0U - 5U);
  CHECK(run({st(imm, 5), st(BPF_ST, 3), st(imm, 0), st(BPF_LD | BPF_MEM, 3), st(ret_a)}) == 5);
  CHECK(run({st(BPF_LDX | BPF_IMM, 9), st(BPF_STX, 15), st(BPF_LDX | BPF_MEM, 15), st(BPF_MISC | BPF_TXA),
             st(ret_a)}) == 9);
  CHECK(run({st(BPF_JMP | BPF_JA, 1), st(BPF_RET, 1), st(BPF_RET, 2)}) == 2);
  const auto compare = [&](unsigned op, std::uint32_t a, std::uint32_t k) {
    return run({st(imm, a), jump(BPF_JMP | op | BPF_K, k, 0, 1), st(BPF_RET, 1), st(BPF_RET, 0)}) == 1;
  };
  CHECK(compare(BPF_JEQ, 3, 3));
  CHECK_FALSE(compare(BPF_JEQ, 3, 4));
  CHECK(compare(BPF_JGT, 0xffffffff, 1));
  CHECK_FALSE(compare(BPF_JGT, 3, 3));
  CHECK(compare(BPF_JGE, 3, 3));
  CHECK(compare(BPF_JSET, 6, 2));
  CHECK_FALSE(compare(BPF_JSET, 6, 8));
}

TEST_CASE("what the kernel wouldn't load kills") {
  CHECK(run({}) == killed);
  CHECK(evaluate_filter(std::vector<std::uint8_t>{6, 0, 0}, {}) == killed);
  CHECK(run({st(load, 0)}) == killed);                   // no return at the end
  CHECK(run({st(load, 64), st(BPF_RET, 9)}) == killed);  // beyond the data
  CHECK(run({st(load, 2), st(BPF_RET, 9)}) == killed);   // between two words
  CHECK(run({st(load, 0xfffffffc), st(BPF_RET, 9)}) == killed);
  CHECK(run({st(BPF_LD | BPF_B | BPF_ABS, 0), st(BPF_RET, 9)}) == killed);
  CHECK(run({st(BPF_LD | BPF_W | BPF_IND, 0), st(BPF_RET, 9)}) == killed);
  CHECK(run({st(BPF_JMP | BPF_JA, 1), st(BPF_RET, 9)}) == killed);  // out of the program
  CHECK(run({st(BPF_JMP | BPF_JA, 0xffffffff), st(BPF_RET, 9)}) == killed);
  CHECK(run({jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), st(BPF_RET, 9)}) == killed);
  CHECK(run({jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 255), st(BPF_RET, 9)}) == killed);
  CHECK(run({st(BPF_LD | BPF_MEM, 16), st(BPF_RET, 9)}) == killed);  // 16 words of memory
  CHECK(run({st(BPF_ST, 16), st(BPF_RET, 9)}) == killed);
  CHECK(run({st(BPF_ALU | BPF_DIV | BPF_K, 0), st(BPF_RET, 9)}) == killed);
  CHECK(run({st(BPF_ALU | BPF_DIV | BPF_X), st(BPF_RET, 9)}) == killed);  // X is 0
  CHECK(run({st(BPF_ALU | BPF_LSH | BPF_K, 32), st(BPF_RET, 9)}) == killed);
  CHECK(run({st(BPF_ALU | BPF_MOD | BPF_K, 2), st(BPF_RET, 9)}) == killed);
  CHECK(run({st(0xffff), st(BPF_RET, 9)}) == killed);
  CHECK(run(Program(4097, st(BPF_RET, 9))) == killed);
  CHECK(run(Program(4096, st(BPF_RET, 9))) == 9);
}
