#include "filter/policy.h"

#include <algorithm>

#include "base/text.h"
#include "filter/compile.h"
#include "filter/sha256.h"

namespace sbx {

// After the filter is loaded the launcher still executes the command, or writes why it couldn't and exits; the dynamic
// loader reads libraries, every C library ends by exit_group and returns from signal handlers by rt_sigreturn.
const std::vector<std::string_view> required_calls = {"close", "execve", "exit",         "exit_group",
                                                      "futex", "read",   "rt_sigreturn", "write"};

namespace {

// Raised whenever the same policy text would give other BPF, so that kept filters of the time before aren't used.
constexpr int rules_version = 3;

struct Named {
  CallSet all;    // sets resolved
  CallSet plain;  // named one by one
};

// "build.toml:12:8: ", where it is known who asked for `name`.
std::string place_of(const SeccompSpec& spec, const std::string& name) {
  const auto found = spec.origins.find(name);
  const auto& origin = found == spec.origins.end() ? spec.origin : found->second;
  return origin.empty() ? std::string() : cat(origin, ": ");
}

Result<Named> resolve_names(const std::vector<std::string>& names, std::string_view key, const SeccompSpec& spec) {
  Named named;
  const auto wrong = [&](const std::string& name) {
    const auto near = nearest(name, call_and_set_names());
    const auto kind = name.starts_with('@') ? "set of system calls" : "system call";
    return fail(Step::compile_filter, ErrorKind::profile,
                cat(place_of(spec, name), "seccomp.", key, ": no ", kind, " is named \"", name, "\""),
                near ? cat("did you mean \"", *near, "\"?") : "see `systemd-analyze syscall-filter` for the names");
  };
  for (const auto& name : names) {
    if (const auto* set = find_set(name)) {
      for (const auto member : set->members) named.all.set(member);
    } else if (const auto call = find_call(name)) {
      named.all.set(*call);
      named.plain.set(*call);
    } else {
      return wrong(name);
    }
  }
  return named;
}

Result<std::vector<Architecture>> resolve_architectures(const SeccompSpec& spec) {
  std::vector<Architecture> found;
  for (const auto& name : spec.architectures) {
    if (name == "native") {
#if defined(__x86_64__) && !defined(__ILP32__)
      found.push_back(Architecture::x86_64);
#elif defined(__aarch64__)
      found.push_back(Architecture::aarch64);
#else
#error "no rules for this architecture"
#endif
    } else if (name == "x86-64") {
      found.push_back(Architecture::x86_64);
    } else if (name == "aarch64" || name == "arm64") {
      found.push_back(Architecture::aarch64);
    } else {
      const auto near = nearest(name, {"native", "x86-64", "aarch64", "arm64"});
      return fail(Step::compile_filter, ErrorKind::profile,
                  cat(place_of(spec, name), "seccomp.architectures: \"", name,
                      "\" is none that sbx has rules for"),
                  near ? cat("did you mean \"", *near, "\"?") : "name \"native\", \"x86-64\" or \"aarch64\"");
    }
  }
  if (found.empty())
    return fail(Step::compile_filter, ErrorKind::profile, "seccomp.architectures is empty", "name \"native\"");
  std::ranges::sort(found);
  const auto doubles = std::ranges::unique(found);
  found.erase(doubles.begin(), doubles.end());
  return found;
}

CallSet members_of(std::string_view set_name) {
  CallSet members;
  for (const auto member : find_set(set_name)->members) members.set(member);
  return members;
}

void append_calls(std::string& text, std::string_view verb, const CallSet& calls) {
  for (std::size_t call = 0; call < call_count; ++call)
    if (calls.test(call)) text += verb, text += call_names[call], text += '\n';
}

}  // namespace

Result<FilterPolicy> resolve_policy(const SeccompSpec& spec, bool allow_user_namespaces) {
  FilterPolicy policy;
  policy.default_deny = spec.default_deny;
  policy.action = spec.action;
  policy.user_namespaces = allow_user_namespaces;
  SBX_ASSIGN(policy.architectures, resolve_architectures(spec));
  SBX_ASSIGN(const auto allow, resolve_names(spec.allow, "allow", spec));
  SBX_ASSIGN(const auto deny, resolve_names(spec.deny, "deny", spec));

  CallSet required;
  for (const auto name : required_calls) {
    const auto call = *find_call(name);
    required.set(call);
    if (deny.plain.test(call))
      return fail(Step::compile_filter, ErrorKind::profile,
                  cat(place_of(spec, std::string(name)), "seccomp.deny: no command can start without \"",
                      name, "\""),
                  "remove it from the list");
  }
  // systemd.exec(5) allows @default beside whatever SystemCallFilter= names, and so do we; `deny` wins over both.
  if (spec.default_deny) policy.allowed = ((allow.all | members_of("@default")) & ~deny.all) | required;
  else policy.denied = deny.all & ~required;
  policy.plain = allow.plain & ~deny.all;
  return policy;
}

namespace {

std::string head_text(const FilterPolicy& policy) {
  static constexpr std::string_view actions[] = {"errno", "kill", "log"};
  std::string text = cat("sbx-filter ", rules_version, "\n");
  for (const auto architecture : policy.architectures)
    text += cat("architecture ", architecture_name(architecture), "\n");
  text += cat("default ", policy.default_deny ? "deny" : "allow", "\n");
  text += cat("action ", actions[static_cast<std::size_t>(policy.action)], "\n");
  text += cat("user-namespaces ", policy.user_namespaces ? "allowed" : "refused", "\n");
  return text;
}

// A byte for each eight calls, whatever the size and order of the words that a bitset is made of.
void append_bits(std::string& text, const CallSet& calls) {
  for (std::size_t call = 0; call < call_count; call += 8) {
    unsigned byte = 0;
    for (std::size_t bit = 0; bit < 8 && call + bit < call_count; ++bit)
      byte |= static_cast<unsigned>(calls.test(call + bit)) << bit;
    text += static_cast<char>(byte);
  }
}

}  // namespace

std::string_view architecture_name(Architecture architecture) {
  return architecture == Architecture::x86_64 ? "x86-64" : "aarch64";
}

std::string policy_digest(const FilterPolicy& policy) {
  std::string text = cat(head_text(policy), "tables ", tables_digest, "\n");
  append_bits(text, policy.default_deny ? policy.allowed : policy.denied);
  append_bits(text, policy.plain);
  return sha256_hex(text);
}

std::string policy_text(const FilterPolicy& policy) {
  std::string text = head_text(policy);
  if (policy.default_deny) append_calls(text, "allow ", policy.allowed);
  else append_calls(text, "deny ", policy.denied);
  append_calls(text, "plain ", policy.plain);
  return text;
}

Result<std::string> filter_policy(const SeccompSpec& spec, bool allow_user_namespaces) {
  SBX_ASSIGN(const auto policy, resolve_policy(spec, allow_user_namespaces));
  return policy_text(policy);
}

Result<std::string> filter_digest(const SeccompSpec& spec, bool allow_user_namespaces) {
  SBX_ASSIGN(const auto policy, resolve_policy(spec, allow_user_namespaces));
  return policy_digest(policy);
}

bool policy_allows_mount(const SeccompSpec& spec) {
  const auto policy = resolve_policy(spec, false);
  if (!policy) return false;  // never launched: compile_filter says why
  const auto passes = [&](std::string_view name) {
    const auto call = *find_call(name);
    return policy->default_deny ? policy->allowed.test(call) : !policy->denied.test(call);
  };
  return passes("mount") || passes("move_mount");
}

}  // namespace sbx
