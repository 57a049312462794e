// What `sbx attach` and a launcher in the background say to each other: SOCK_SEQPACKET, the first byte of a message says
// what the rest is.
#pragma once
#include <cstddef>
#include <cstdint>

namespace sbx {

enum class AttachMessage : char {
  // to the launcher
  input = 'i',   // bytes for the command's terminal
  size = 'w',    // AttachSize
  signal = 's',  // one byte: the number
  // to the client
  output = 'o',  // bytes of the command's terminal
  end = 'e',     // one byte: the exit status. Nothing follows
};
struct AttachSize {
  std::uint16_t rows, columns;
};
inline constexpr std::size_t attach_chunk = 16 << 10;
inline constexpr char attach_suffix[] = ".attach";

}  // namespace sbx
