// Names of system calls and systemd's sets of them, as data (data/*.txt, made into tables by generate_tables.py).
#pragma once
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sbx {

struct SetEntry {
  std::string_view name;  // "@system-service"
  std::span<const std::uint16_t> members;
};
struct NewerCall {
  std::uint16_t call;
  int number;  // the same on every architecture
};

#include "filter/syscall_tables.inc"

// A set of calls; bit n is call_names[n], which is in the order of names.
using CallSet = std::bitset<call_count>;

std::optional<std::size_t> find_call(std::string_view name);
// nullptr: no such set.
const SetEntry* find_set(std::string_view name);
// The number of a call that libseccomp may not know yet.
std::optional<int> newer_number(std::size_t call);
std::vector<std::string_view> call_and_set_names();

}  // namespace sbx
