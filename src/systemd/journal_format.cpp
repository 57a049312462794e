#include "base/text.h"
#include "systemd/journal.h"

namespace sbx {

std::string journal_datagram(std::span<const JournalField> fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += name;
    if (value.find('\n') == std::string::npos) {
      out += cat("=", value, "\n");
      continue;
    }
    // What holds a newline: the length, 64 bits little-endian, and the bytes.
    out += '\n';
    for (unsigned shift = 0; shift < 64; shift += 8)
      out += static_cast<char>((static_cast<std::uint64_t>(value.size()) >> shift) & 0xffU);
    out += cat(value, "\n");
  }
  return out;
}

}  // namespace sbx
