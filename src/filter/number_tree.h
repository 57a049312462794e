// What a filter answers to each number of a call, and the BPF that finds it by halving: numbers in a row that have one answer
// are one leaf. The kernel converts, compiles and, for its bitmap of calls that always pass, runs a filter on every number when
// it is loaded, so that short code and short ways are what a launch pays for.
#pragma once
#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <vector>

namespace sbx {

using Bpf = std::vector<sock_filter>;

inline sock_filter bpf_statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
inline sock_filter bpf_jump(unsigned code, std::uint32_t k, std::size_t if_true, std::size_t if_false) {
  return {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(if_true), static_cast<std::uint8_t>(if_false), k};
}

class NumberTree {
 public:
  // Every number answers `result` at first.
  explicit NumberTree(std::uint32_t result) { leaves_[0] = {{}, result}; }
  // `first` to `last`, both included; their rules stay.
  void answer(std::uint32_t first, std::uint32_t last, std::uint32_t result);
  // Runs before the answer to `number`, after the rules there are: it returns, or runs off its end.
  void add_rule(std::uint32_t number, const Bpf& rule);
  // Wants the call's number in the accumulator, and always returns.
  Bpf program() const;

 private:
  struct Leaf {
    Bpf rules;
    std::uint32_t result = 0;
  };
  void cut(std::uint32_t at);

  std::map<std::uint32_t, Leaf> leaves_;  // by the first number
};

}  // namespace sbx
