#include "kernel/memory.h"

#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace sbx {
namespace {

constexpr std::uintptr_t page_mask = 4095;  // a larger page size only makes madvise refuse: EINVAL

// Whole pages within the range alone.
void forget_pages(std::uintptr_t begin, std::uintptr_t end) {
  begin = (begin + page_mask) & ~page_mask;
  end &= ~page_mask;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

int forget_object(dl_phdr_info* object, std::size_t, void*) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    // What is writable holds relocations, which no file has.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    forget_pages(begin & ~page_mask, begin + segment.p_memsz);
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

}  // namespace

void forget_code() { ::dl_iterate_phdr(forget_object, nullptr); }

bool forget_heap() {
  constexpr int start_of_break = 47;
  const int fd = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[1024];
  const ssize_t got = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (got <= 0) return false;
  text[got] = '\0';
  const std::uintptr_t begin = stat_field(text, start_of_break);
  const auto end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  if (begin == 0 || begin > end) return false;
  forget_pages(begin, end);
  return true;
}

void forget(void* begin, std::size_t size) {
  forget_pages(reinterpret_cast<std::uintptr_t>(begin), reinterpret_cast<std::uintptr_t>(begin) + size);
}

}  // namespace sbx
