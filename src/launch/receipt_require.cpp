#include "base/text.h"
#include "launch/receipt.h"

namespace sbx {

Result<> require_receipt(const std::vector<ReceiptItem>& receipt, const std::vector<std::string>& require) {
  for (const std::string& name : require) {
    bool shown = false;
    for (const ReceiptItem& item : receipt) {
      if (item.protection != name) continue;
      shown = true;
      if (item.enforced) continue;
      return fail(Step::verify_receipt, ErrorKind::host,
                  cat("\"", name, "\" is required, and ", item.asked, " doesn't hold: found ", item.found),
                  cat("accept the loss (--accept ", name, "), or run `sbx doctor` to see what this host lacks"));
    }
    if (!shown)
      return fail(Step::verify_receipt, ErrorKind::host,
                  cat("\"", name, "\" is required, and this sandbox has nothing of the kind in force"),
                  cat("ask for it in the profile, or take it out of [fallback] require"));
  }
  return {};
}

}  // namespace sbx
