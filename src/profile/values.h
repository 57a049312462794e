// The values of single keys: what each may be, and what it means. Shared by parse, which complains with line and
// column, and lower, which needs the number.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sbx {

// Nothing where the value is fine; else what is allowed, as in "must be <...>".
using Complaint = std::optional<std::string>;
using Check = Complaint (*)(std::string_view);

struct CpuMax {
  std::uint64_t quota_us = 0;  // UINT64_MAX: no limit
  std::uint64_t period_us = 100000;
};
// "50%" (of one CPU), "50000 100000", "50000", "max", "max 100000".
std::optional<CpuMax> parse_cpu_max(std::string_view text);
// "max" is UINT64_MAX; sizes as parse_bytes reads them.
std::optional<std::uint64_t> parse_memory(std::string_view text);
std::optional<std::uint64_t> parse_count(std::string_view text);

struct Rlimit {
  std::uint64_t soft = 0, hard = 0;  // UINT64_MAX: unlimited
};
// "1024", "1024:4096", "unlimited"; bytes take K, M, G.
std::optional<Rlimit> parse_rlimit(std::string_view name, std::string_view value);
struct RlimitName {
  std::string_view name;
  int resource;
  bool bytes;
};
const std::vector<RlimitName>& rlimit_names();

Complaint check_any(std::string_view text);
Complaint check_path(std::string_view text);
Complaint check_root(std::string_view text);
Complaint check_home(std::string_view text);
Complaint check_proc(std::string_view text);
Complaint check_hostname(std::string_view text);
Complaint check_user(std::string_view text);
Complaint check_network_mode(std::string_view text);
Complaint check_network_allow(std::string_view text);
Complaint check_network_deny(std::string_view text);
Complaint check_publish(std::string_view text);
Complaint check_memory(std::string_view text);
Complaint check_swap(std::string_view text);
Complaint check_cpu_max(std::string_view text);
Complaint check_weight(std::string_view text);
Complaint check_pids(std::string_view text);
Complaint check_scope(std::string_view text);
Complaint check_slice(std::string_view text);
Complaint check_property_name(std::string_view text);
Complaint check_allow_or_deny(std::string_view text);
Complaint check_call(std::string_view text);
Complaint check_seccomp_errno(std::string_view text);
Complaint check_architecture(std::string_view text);
Complaint check_capability(std::string_view text);
Complaint check_landlock(std::string_view text);
Complaint check_size(std::string_view text);
Complaint check_wall_time(std::string_view text);
Complaint check_grace(std::string_view text);
Complaint check_pattern(std::string_view text);
Complaint check_variable(std::string_view text);
Complaint check_protection(std::string_view text);
Complaint check_access(std::string_view text);
Complaint check_bus_name(std::string_view text);
Complaint check_extends(std::string_view text);

}  // namespace sbx
