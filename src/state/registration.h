// The Companion that enters a sandbox into the registry before its payload starts, and takes it out at its end.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launch/companion.h"
#include "spec/sandbox_spec.h"
#include "state/registry.h"

namespace sbx {

struct RegistrationRequest {
  std::string id;
  std::string name;                   // empty: none was asked for
  std::vector<std::string> profiles;
  const SandboxSpec* spec = nullptr;  // borrowed until the end
};

class Registration {
 public:
  // A name that another living sandbox of the caller's has is an error. Where there is no registry: `unavailable` says
  // why, and nothing is registered.
  static Result<std::unique_ptr<Registration>> open(RegistrationRequest request);
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  const std::optional<Error>& unavailable() const { return unavailable_; }
  const Registry* registry() const { return registry_ ? &*registry_ : nullptr; }
  // Borrows this.
  Companion companion();

 private:
  explicit Registration(RegistrationRequest request) : request_(std::move(request)) {}
  Result<> enter(const HeldSandbox& held);
  Result<> check_name() const;
  void started(const StartedSandbox& started);
  void write_details(const SettledSandbox& settled);
  void leave();

  RegistrationRequest request_;
  std::optional<Registry> registry_;
  std::optional<Error> unavailable_;
  UniqueFd held_file_;   // holds the lock on ID.json
  const LaunchPlan* plan_ = nullptr;
  const ExitReport* report_ = nullptr;
  std::uint64_t setup_time_us_ = 0;
};

// 40 random bits: two sandboxes of one caller at a time don't meet.
Result<std::string> random_sandbox_id();

}  // namespace sbx
