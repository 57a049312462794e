// The memory of a launcher that only waits.
#pragma once

namespace sbx {

// A payload that lives longer than this is worth the faults that giving memory back costs.
inline constexpr int settled_ms = 30;

// The heap isn't shrunk while it is in use: what is freed is needed again, and each brk(2) costs.
void keep_heap_together();

// exit(3) for a process that has written all it had to say: neither objects nor libraries tidy up after it.
[[noreturn]] void leave_process(int status);

// Lets go of what the launch needed and the wait doesn't: free heap, deep stack, and the pages of code and constants, which
// come back from the page cache when they are next touched. Libraries that can't be unloaded (libsystemd is linked with
// -z nodelete since systemd 256) would stay resident otherwise.
void release_unused_memory();

// The same for init, which uses no heap any more: the whole of it goes, content and all, secrets of the parent included.
// Fit for use after clone: no allocation. Without /proc the heap stays.
void release_all_memory();

}  // namespace sbx
