#include "proxy/redirect.h"

#include <nftables/libnftables.h>

#include <memory>
#include <string>

#include "base/text.h"

namespace sbx::proxy {

Result<> redirect_tcp(unsigned port) {
  const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context(::nft_ctx_new(NFT_CTX_DEFAULT), ::nft_ctx_free);
  if (!context || ::nft_ctx_buffer_error(context.get()) != 0 || ::nft_ctx_buffer_output(context.get()) != 0)
    return fail(Step::set_up_network, ErrorKind::host, "libnftables can't be set up");
  // An output chain's redirect leads to 127.0.0.1 or ::1, and keeps the source.
  const std::string rules = cat(
      "table inet sbx {\n"
      "  chain output {\n"
      "    type nat hook output priority -100; policy accept;\n"
      "    ip daddr 127.0.0.0/8 return\n"
      "    ip6 daddr ::1 return\n"
      "    tcp dport 53 return\n"
      "    meta l4proto tcp redirect to :", port, "\n"
      "  }\n"
      "}\n");
  if (::nft_run_cmd_from_buffer(context.get(), rules.c_str()) == 0) return {};
  std::string reason = ::nft_ctx_get_error_buffer(context.get());
  reason = reason.substr(0, reason.find('\n'));
  return fail(Step::set_up_network, ErrorKind::host, cat("nftables refuses the redirection: ", reason),
              "load the kernel's modules nf_tables, nft_chain_nat and nft_redir (modprobe), or use another network mode");
}

}  // namespace sbx::proxy
