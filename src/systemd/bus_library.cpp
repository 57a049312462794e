#include "systemd/bus_library.h"

#include <dlfcn.h>
#include <malloc.h>

#include "base/text.h"

// The note by which packagers find libraries that are opened by dlopen (systemd's docs/ELF_DLOPEN_METADATA): an ELF
// note of the owner "FDO", type 0x407c0c0a, holding JSON.
__asm__(
    ".pushsection .note.dlopen, \"a\", %note\n"
    ".balign 4\n"
    ".long 1f - 0f\n"
    ".long 3f - 2f\n"
    ".long 0x407c0c0a\n"
    "0: .asciz \"FDO\"\n"
    "1: .balign 4\n"
    "2: .asciz \"[{\\\"feature\\\":\\\"scope\\\",\\\"description\\\":\\\"Resource limits by a transient scope of the service "
    "manager\\\",\\\"priority\\\":\\\"recommended\\\",\\\"soname\\\":[\\\"libsystemd.so.0\\\"]}]\"\n"
    "3: .balign 4\n"
    ".popsection\n");

namespace sbx {

Result<> open_bus_library(BusLibrary& library) {
  constexpr const char* remedy = "install it (Debian: libsystemd0, Fedora: systemd-libs), or set [systemd] scope to \"auto\" or \"none\"";
  library.handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library.handle == nullptr) {
    const char* reason = ::dlerror();
    return fail(Step::connect_bus, ErrorKind::host,
                cat("libsystemd.so.0 can't be loaded: ", reason == nullptr ? "no reason given" : reason), remedy);
  }
#define X(name)                                                                                  \
  library.name = reinterpret_cast<decltype(library.name)>(::dlsym(library.handle, #name));       \
  if (library.name == nullptr)                                                                   \
    return fail(Step::connect_bus, ErrorKind::host, "libsystemd.so.0 lacks " #name ": it is older than 246", \
                "install a newer systemd");
  SBX_BUS_FUNCTIONS(X)
#undef X
  library.since_254 = ::dlsym(library.handle, "sd_session_get_leader") != nullptr;
  return {};
}

BusLibrary::~BusLibrary() {
  if (handle == nullptr) return;
  ::dlclose(handle);
  ::malloc_trim(0);
}

}  // namespace sbx
