#include "launch/own_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace sbx {
namespace {

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // 6.3; before that every memfd is executable
#endif
constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

auto failed(int error, const char* what) {
  return fail_errno(Step::open_sources, error, what,
                    "the caller owns sbx's file, so that a payload could change it; install sbx with another owner, or "
                    "allow executable memory (sysctl vm.memfd_noexec)");
}

UniqueFd make_memory() {
  UniqueFd memory(::memfd_create("sbx", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC));
  if (!memory && errno == EINVAL) memory.reset(::memfd_create("sbx", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return memory;
}

}  // namespace

Result<> leave_own_program(char** argv) {
  const UniqueFd program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  struct stat facts{};
  // Without /proc, or with a file that can't be read, there is nothing that a payload could open either; root can both.
  if (!program || ::fstat(program.get(), &facts) != 0)
    return ::geteuid() == 0 ? Result<>(failed(errno, "/proc/self/exe")) : Result<>();
  if (facts.st_uid != ::geteuid() && ::faccessat(AT_FDCWD, "/proc/self/exe", W_OK, AT_EACCESS) != 0) return {};
  if (const int seals = ::fcntl(program.get(), F_GET_SEALS); seals >= 0 && (seals & all_seals) == all_seals) {
    ::prctl(PR_SET_NAME, "sbx");  // the kernel names what it executes by descriptor after its number
    return {};
  }

  const auto memory = make_memory();
  if (!memory) return failed(errno, "memory for a copy of sbx");
  for (off_t at = 0; at < facts.st_size;)
    if (::sendfile(memory.get(), program.get(), &at, static_cast<std::size_t>(facts.st_size - at)) <= 0)
      return failed(errno, "cannot copy sbx into memory");
  if (::fchmod(memory.get(), 0555) != 0 || ::fcntl(memory.get(), F_ADD_SEALS, all_seals) != 0)
    return failed(errno, "cannot seal the copy of sbx");
  ::fexecve(memory.get(), argv, environ);
  return failed(errno, "cannot execute the copy of sbx");
}

}  // namespace sbx
