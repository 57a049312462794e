// Gives memory back that was needed once (madvise(2)), so that what waits for the payload stays small.
#pragma once
#include <cstddef>

namespace sbx {
// Pages of the program's and its libraries' code and constants: they are read again from their files when needed.
void forget_code();
// The heap, from its start to the break, read from /proc/self/stat: gone for good, content and all. For a process that
// uses no heap any more. No allocation. False where /proc doesn't tell.
bool forget_heap();
// Any other range that is written before it is read again.
void forget(void* begin, std::size_t size);
}  // namespace sbx
