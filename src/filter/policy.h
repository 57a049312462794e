// A SeccompSpec resolved: which calls pass, which are freed of argument rules, on which architectures.
#pragma once
#include "base/result.h"
#include "filter/syscall_sets.h"
#include "spec/sandbox_spec.h"

namespace sbx {

enum class Architecture : std::uint8_t { x86_64, aarch64 };

struct FilterPolicy {
  bool default_deny = true;
  SeccompErrno action = SeccompErrno::eperm;
  bool user_namespaces = false;
  std::vector<Architecture> architectures;  // sorted, without doubles
  CallSet allowed;                          // with default_deny: those that pass
  CallSet denied;                           // without: those that don't
  CallSet plain;  // named one by one in `allow`: their argument rules that only narrow the kernel's surface fall
};

Result<FilterPolicy> resolve_policy(const SeccompSpec& spec, bool allow_user_namespaces);
// Every call by name; and a digest of the same, which takes a tenth of the time.
std::string policy_text(const FilterPolicy& policy);
std::string policy_digest(const FilterPolicy& policy);
std::string_view architecture_name(Architecture architecture);

// Calls that no list can take away: without them the launcher couldn't start the payload, nor a failed start be told.
extern const std::vector<std::string_view> required_calls;

}  // namespace sbx
