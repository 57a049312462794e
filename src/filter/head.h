// The part of a filter that is no plain list of calls: which architecture a call came from, calls newer than libseccomp, and
// rules on arguments.
#pragma once
#include <functional>

#include "filter/number_tree.h"
#include "filter/policy.h"

namespace sbx {

// The number of a call on the filter's architecture; nothing where it has no such call.
using CallNumber = std::function<std::optional<int>(std::string_view)>;

std::uint32_t audit_architecture(Architecture architecture);
// The SECCOMP_RET_* value of a call that the policy denies.
std::uint32_t denied_result(SeccompErrno action);

// Puts these into a tree that holds what libseccomp answers on `architecture`. `newer` are numbers that it lacks, `highest`
// is the highest number that has a name.
struct NewerNumber {
  int number;
  bool allowed;
};
void add_head(NumberTree& tree, const FilterPolicy& policy, Architecture architecture, const CallNumber& number_of,
              const std::vector<NewerNumber>& newer, int highest);

}  // namespace sbx
