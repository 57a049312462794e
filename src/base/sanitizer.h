// Whether AddressSanitizer watches: it keeps memory of its own, which what bounds or gives back memory must leave alone.
#pragma once

namespace sbx {

#ifdef __has_feature
inline constexpr bool address_sanitizer = __has_feature(address_sanitizer);
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif

}  // namespace sbx
