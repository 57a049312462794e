#include "net/nftables.h"

#include <dlfcn.h>

#include <cstdint>
#include <memory>

#include "base/text.h"

// As in systemd/bus_library.cpp: the note by which packagers find libraries that are opened by dlopen.
__asm__(
    ".pushsection .note.dlopen, \"a\", %note\n"
    ".balign 4\n"
    ".long 1f - 0f\n"
    ".long 3f - 2f\n"
    ".long 0x407c0c0a\n"
    "0: .asciz \"FDO\"\n"
    "1: .balign 4\n"
    "2: .asciz \"[{\\\"feature\\\":\\\"network\\\",\\\"description\\\":\\\"The rules of a sandbox's own network\\\","
    "\\\"priority\\\":\\\"recommended\\\",\\\"soname\\\":[\\\"libnftables.so.1\\\"]}]\"\n"
    "3: .balign 4\n"
    ".popsection\n");

namespace sbx {
namespace {

// Of <nftables/libnftables.h>; the ABI is that of libnftables.so.1.
struct nft_ctx;
struct Library {
  nft_ctx* (*ctx_new)(std::uint32_t flags) = nullptr;
  void (*ctx_free)(nft_ctx*) = nullptr;
  int (*buffer_output)(nft_ctx*) = nullptr;
  int (*buffer_error)(nft_ctx*) = nullptr;
  const char* (*get_error)(nft_ctx*) = nullptr;
  int (*run)(nft_ctx*, const char*) = nullptr;
};
Library library;

template <typename Function>
bool find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

Result<> open_nftables() {
  if (library.run != nullptr) return {};
  constexpr const char* remedy = "install it (Debian: libnftables1, Fedora: nftables)";
  void* handle = ::dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    return fail(Step::load_rules, ErrorKind::host, cat("libnftables.so.1 can't be loaded: ", reason == nullptr ? "no reason given" : reason), remedy);
  }
  if (!find(handle, "nft_ctx_new", library.ctx_new) || !find(handle, "nft_ctx_free", library.ctx_free) ||
      !find(handle, "nft_ctx_buffer_output", library.buffer_output) || !find(handle, "nft_ctx_buffer_error", library.buffer_error) ||
      !find(handle, "nft_ctx_get_error_buffer", library.get_error) || !find(handle, "nft_run_cmd_from_buffer", library.run))
    return fail(Step::load_rules, ErrorKind::host, "libnftables.so.1 lacks a function", remedy);
  return {};
}

}  // namespace

Result<> load_ruleset(const std::string& text) {
  SBX_TRY(open_nftables());
  const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context(library.ctx_new(0), library.ctx_free);
  if (!context) return fail(Step::load_rules, ErrorKind::host, "libnftables gives no context");
  library.buffer_output(context.get());
  library.buffer_error(context.get());
  if (library.run(context.get(), text.c_str()) == 0) return {};
  const char* said = library.get_error(context.get());
  std::string reason(said == nullptr ? "no reason given" : said);
  reason.resize(reason.find('\n') == std::string::npos ? reason.size() : reason.find('\n'));
  return fail(Step::load_rules, ErrorKind::host, cat("nftables refuses the rules of the sandbox's network: ", reason),
              "load the kernel's module nf_tables, with nft_reject_inet, nft_ct and nft_redir");
}

}  // namespace sbx
