// The part of a filter that is written by hand: which architecture a call came from, calls newer than libseccomp, and
// rules on arguments. The tree of calls that libseccomp makes follows it.
#pragma once
#include <linux/filter.h>

#include <functional>

#include "filter/policy.h"

namespace sbx {

using Bpf = std::vector<sock_filter>;
// The number of a call on the filter's architecture; nothing where it has no such call.
using CallNumber = std::function<std::optional<int>(std::string_view)>;

inline sock_filter bpf_statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
inline sock_filter bpf_jump(unsigned code, std::uint32_t k, std::size_t if_true, std::size_t if_false) {
  return {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(if_true), static_cast<std::uint8_t>(if_false), k};
}

std::uint32_t audit_architecture(Architecture architecture);
// The SECCOMP_RET_* value of a call that the policy denies.
std::uint32_t denied_result(SeccompErrno action);

// Runs on calls of `architecture` alone; what it doesn't answer runs off its end, into the tree. `newer` are numbers
// that the tree lacks, `highest` is the highest number that has a name.
struct NewerNumber {
  int number;
  bool allowed;
};
Bpf head_for(const FilterPolicy& policy, Architecture architecture, const CallNumber& number_of,
             const std::vector<NewerNumber>& newer, int highest);

}  // namespace sbx
