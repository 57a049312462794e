#include "cli/register_sandbox.h"

#include "base/text.h"
#include "cli/output.h"

namespace sbx {

Result<std::unique_ptr<Registration>> register_sandbox(const RunRequest& request, const SandboxSpec& spec, const std::string& id) {
  auto profiles = request.profiles;
  if (profiles.empty()) profiles.emplace_back(default_profile);
  SBX_ASSIGN(auto registration, Registration::open({id, request.name, std::move(profiles), &spec}));
  if (const auto& why = registration->unavailable(); why && !request.name.empty())
    complain(cat(request.name, " won't be found by sbx ps, exec and stop: ", why->what, why->errno_value != 0 ? cat(": ", errno_text(why->errno_value)) : "", "; ", why->hint));
  return registration;
}

}  // namespace sbx
