// SeccompSpec to BPF. compile.cpp is the only user of libseccomp.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "spec/sandbox_spec.h"

namespace sbx {

struct CompiledFilter {
  std::vector<std::uint8_t> bpf;  // struct sock_filter[]
  std::string digest;             // SHA-256 hex of the policy: the cache's key
};

// What decides the filter, as canonical text: calls in order, actions, architectures, whether new user
// namespaces are allowed. Two specs with equal text have equal filters. Names and sets are checked here:
// an unknown one is an error that gives the nearest valid one.
Result<std::string> filter_policy(const SeccompSpec& spec, bool allow_user_namespaces);
// That of the filter that compile_filter() would make.
Result<std::string> filter_digest(const SeccompSpec& spec, bool allow_user_namespaces);
Result<CompiledFilter> compile_filter(const SeccompSpec& spec, bool allow_user_namespaces);

// True where the policy lets the payload make new user namespaces or mount: Landlock's file part is then off.
bool policy_allows_mount(const SeccompSpec& spec);

}  // namespace sbx
