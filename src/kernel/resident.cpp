#include "kernel/resident.h"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/sanitizer.h"

namespace sbx {
namespace {

int release_object(dl_phdr_info* object, std::size_t, void* page_size_pointer) {
  const auto page_size = *static_cast<std::uintptr_t*>(page_size_pointer);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    // A private mapping of a file that was never written to is the file's again after MADV_DONTNEED (madvise(2)); a
    // writable segment would lose its relocations and variables.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t start = (object->dlpi_addr + segment.p_vaddr) & ~(page_size - 1);
    const std::uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_memsz + page_size - 1) & ~(page_size - 1);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the linker's addresses are numbers
    ::madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
  }
  return 0;
}

// The field of /proc/self/stat; they are counted from 1, and the second may hold blanks (proc_pid_stat(5)).
std::uintptr_t stat_field(const char* text, int field) {
  const char* at = std::strrchr(text, ')');
  for (int i = 2; at != nullptr && i < field; ++i) {
    at = std::strchr(at, ' ');
    if (at != nullptr) ++at;
  }
  std::uintptr_t value = 0;
  for (; at != nullptr && *at >= '0' && *at <= '9'; ++at) value = value * 10 + static_cast<std::uintptr_t>(*at - '0');
  return value;
}

void release_heap(std::uintptr_t page_size) {
  constexpr int start_of_break = 47;
  const int fd = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  char text[1024];
  const ssize_t got = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (got <= 0) return;
  text[got] = '\0';
  // Whole pages of the heap alone: its neighbours may begin on the same one.
  const std::uintptr_t begin = (stat_field(text, start_of_break) + page_size - 1) & ~(page_size - 1);
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(::sbrk(0)) & ~(page_size - 1);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's addresses are numbers
  if (begin != 0 && begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

// The stack as deep as earlier calls went and nobody is now. The kernel keeps the megabyte below a stack free of other
// mappings (stack_guard_gap), and madvise passes over what isn't mapped.
[[gnu::noinline]] void release_stack(std::uintptr_t page_size) {
  constexpr std::uintptr_t near = 4096, far = 128UL * 1024;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const std::uintptr_t begin = (here - far) & ~(page_size - 1), end = (here - near) & ~(page_size - 1);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the frame's address is a number
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

void keep_heap_together() {
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

void leave_process(int status) {
  if (address_sanitizer) std::exit(status);  // it looks for leaks then
  ::_exit(status);
}

void release_all_memory() {
  if (address_sanitizer) return;  // its own state is where it believes that nobody looks
  auto page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  ::dl_iterate_phdr(release_object, &page_size);
  // Only now: the loader's list of what was opened by dlopen and can't be unloaded lies in the heap.
  release_heap(page_size);
  release_stack(page_size);
}

void release_unused_memory() {
  if (address_sanitizer) return;
  ::malloc_trim(0);
  auto page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  ::dl_iterate_phdr(release_object, &page_size);
  release_stack(page_size);
}

}  // namespace sbx
