#include "kernel/caps.h"

#include <linux/capability.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>

#include "base/text.h"

namespace sbx {
namespace {

// The two 32-bit halves of _LINUX_CAPABILITY_VERSION_3 (capset(2)).
struct CapabilitySets {
  __user_cap_data_struct half[2];
};

int raw_capget(CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capget, &header, sets.half) < 0 ? -errno : 0;
}

int raw_capset(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capset, &header, sets.half) < 0 ? -errno : 0;
}

// Dropping from the bounding set wants CAP_SETPCAP in the effective set, which a change from uid 0 to another has
// emptied even where SECBIT_KEEP_CAPS kept the permitted one (capabilities(7)).
int raise_effective() {
  CapabilitySets sets{};
  if (const int error = raw_capget(sets); error < 0) return error;
  if (sets.half[0].effective == sets.half[0].permitted && sets.half[1].effective == sets.half[1].permitted) return 0;
  for (auto& half : sets.half) half.effective = half.permitted;
  return raw_capset(sets);
}

// EINVAL for the first number above the kernel's cap_last_cap: the kernel checks CAP_SETPCAP before the number, so that
// EINVAL can't hide a missing right.
int drop_bounding_set(std::uint64_t kept, int* capability) {
  for (int number = 0; number < 64; ++number) {
    if ((kept >> number) & 1U) continue;
    if (::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(number), 0L, 0L, 0L) == 0) continue;
    if (errno == EINVAL) return 0;
    *capability = number;
    return -errno;
  }
  return 0;
}

int raise_ambient_set(std::uint64_t kept, int* capability) {
  for (int number = 0; number < 64; ++number) {
    if (((kept >> number) & 1U) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, static_cast<unsigned long>(PR_CAP_AMBIENT_RAISE), static_cast<unsigned long>(number),
                0L, 0L) == 0)
      continue;
    *capability = number;
    return -errno;
  }
  return 0;
}

}  // namespace

std::optional<int> capability_number(std::string_view name) {
  std::string word;
  for (const char c : name) word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  // libcap takes a bare number as a name; a profile doesn't.
  if (word.empty() || word.front() < 'a' || word.front() > 'z') return std::nullopt;
  if (!word.starts_with("cap_")) word.insert(0, "cap_");
  cap_value_t value = 0;
  if (::cap_from_name(word.c_str(), &value) != 0) return std::nullopt;
  return value;
}

std::string capability_name(int number) {
  const std::unique_ptr<char, int (*)(void*)> name(
      number >= 0 ? ::cap_to_name(static_cast<cap_value_t>(number)) : nullptr, &::cap_free);
  if (!name) return cat("capability ", number);
  std::string upper;
  for (const char* c = name.get(); *c != '\0'; ++c)
    upper += *c >= 'a' && *c <= 'z' ? static_cast<char>(*c - 'a' + 'A') : *c;
  return upper;
}

int limit_capabilities(std::uint64_t kept, int* capability) {
  *capability = -1;
  if (const int error = raise_effective(); error < 0) return error;
  // First, while CAP_SETPCAP is still there.
  if (const int error = drop_bounding_set(kept, capability); error < 0) return error;

  CapabilitySets sets{};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto half = static_cast<std::uint32_t>(kept >> (32 * i));
    sets.half[i] = {.effective = half, .permitted = half, .inheritable = half};
  }
  if (const int error = raw_capset(sets); error < 0) return error;
  // capset doesn't refuse what it hasn't got in every case (bits above cap_last_cap are cut off): raising says so.
  if (::prctl(PR_CAP_AMBIENT, static_cast<unsigned long>(PR_CAP_AMBIENT_CLEAR_ALL), 0L, 0L, 0L) != 0) return -errno;
  return raise_ambient_set(kept, capability);
}

}  // namespace sbx
