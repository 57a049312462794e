// Nettle, because its static library gives this one function and 4 KiB of code: libcrypto would bring its providers
// and their start-up, the kernel's AF_ALG five system calls and a module that not every kernel has.
#include "filter/sha256.h"

#include <nettle/sha2.h>

namespace sbx {

std::string sha256_hex(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  sha256_ctx context;
  ::sha256_init(&context);
  ::sha256_update(&context, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  std::uint8_t digest[SHA256_DIGEST_SIZE];
  ::sha256_digest(&context, sizeof digest, digest);
  std::string hex;
  for (const auto byte : digest) hex += {digits[byte >> 4U], digits[byte & 15U]};
  return hex;
}

}  // namespace sbx
