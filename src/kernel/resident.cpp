#include "kernel/resident.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

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

}  // namespace

void release_unused_memory() {
  ::malloc_trim(0);
  auto page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  ::dl_iterate_phdr(release_object, &page_size);
}

}  // namespace sbx
