#include "state/registration.h"

#include <sched.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fault.h"
#include "base/text.h"
#include "plan/make_plan.h"
#include "spec/dump.h"
#include "state/details.h"
#include "state/process_identity.h"
#include "state/running_sandbox.h"

namespace sbx {
namespace {

// Entries that a launch looks at for ones that a crash left behind: more than one crash leaves.
constexpr std::size_t sweep_at_launch = 4;
constexpr auto lock_patience = std::chrono::seconds(5);

std::uint64_t now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000U + static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
}

}  // namespace

Result<std::string> random_sandbox_id() {
  std::array<unsigned char, id_length> bytes{};
  // Below 256 bytes getrandom(2) is neither interrupted nor short once the pool is initialized.
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return fail_errno(Step::register_sandbox, errno, "no random number for the sandbox's id");
  std::string id;
  for (const auto byte : bytes) id += id_digits[byte % id_digits.size()];
  return id;
}

Result<std::unique_ptr<Registration>> Registration::open(RegistrationRequest request) {
  SBX_TRY(check_fault(Step::register_sandbox));
  std::unique_ptr<Registration> registration(new Registration(std::move(request)));
  auto registry = Registry::open();
  if (registry) registration->registry_ = *std::move(registry);
  else registration->unavailable_ = std::move(registry).error();
  // Checked again when it counts; but told before a scope of that name is asked for.
  SBX_TRY(registration->check_name());
  return registration;
}

Registration::~Registration() { leave(); }

Companion Registration::companion() {
  Companion companion;
  if (!registry_) return companion;
  companion.held = [this](const HeldSandbox& held) { return enter(held); };
  companion.started = [this](const StartedSandbox& sandbox) { started(sandbox); };
  companion.settled = [this](const SettledSandbox& sandbox) { write_details(sandbox); };
  companion.ended = [this](const ExitReport&) { leave(); };
  return companion;
}

Result<> Registration::check_name() const {
  if (!registry_ || request_.name.empty()) return {};
  for (const auto& id : registry_->ids()) {
    auto file = registry_->read(id);
    if (!file || !file->entry || (file->entry->name != request_.name && id != request_.name) || registry_->sweep(*file)) continue;
    // One of another pid namespace lives as well, though it can't be looked at from here.
    if (file->holder != 0)
      return fail(Step::register_sandbox, ErrorKind::usage, cat("a sandbox named ", request_.name, " is running, with id ", id),
                  cat("choose another --name, or end it: sbx stop ", id));
  }
  return {};
}

// The child mounts meanwhile, or waits for the service manager.
Result<> Registration::enter(const HeldSandbox& held) {
  SandboxEntry entry{.id = request_.id, .name = request_.name.empty() ? request_.id : request_.name, .profiles = request_.profiles};
  entry.command = held.plan.argv;
  entry.init = held.init;
  entry.launcher = ::getpid();
  entry.start_time = start_time_of(held.init);
  entry.pidfd_inode = pidfd_inode(held.pidfd);
  entry.pid_namespace = own_pid_namespace();
  entry.boot_id = boot_id();
  if (held.cgroup != nullptr) entry.cgroup = held.cgroup->path();
  entry.scope = held.scope;
  entry.own_network = (held.plan.clone_flags & CLONE_NEWNET) != 0;
  if (const auto* scope = std::get_if<ScopeRequest>(&held.plan.cgroup)) entry.system_manager = scope->system_manager;
  entry.created_us = now_us();
  plan_ = &held.plan;
  registry_->sweep(sweep_at_launch, request_.id);
  UniqueFd lock;
  if (!request_.name.empty()) {
    // Two that are started at once with one name: whoever comes second here finds the first one's file.
    SBX_ASSIGN(lock, registry_->lock(lock_patience));
    SBX_TRY(check_name());
  }
  SBX_ASSIGN(held_file_, registry_->write(cat(request_.id, ".json"), format_entry(entry), true));
  return {};
}

void Registration::started(const StartedSandbox& sandbox) {
  setup_time_us_ = sandbox.setup_time_us;
  report_ = &sandbox.report;
}

// A failure shows where the details are asked for; the sandbox runs on.
void Registration::write_details(const SettledSandbox& settled) {
  if (request_.spec == nullptr || report_ == nullptr) return;
  SandboxDetails details{.id = request_.id, .spec = dump_spec(*request_.spec), .plan = explain(*plan_)};
  details.setup_time_us = setup_time_us_;
  details.receipt = report_->receipt;
  details.losses = report_->losses;
  details.file_mode_mask = settled.file_mode_mask;
  for (const auto& one : settled.namespaces) details.namespaces.emplace_back(one.kind, one.fd);
  static_cast<void>(registry_->write(cat(request_.id, ".details.json"), format_details(details, *plan_), false));
}

void Registration::leave() {
  if (held_file_) registry_->remove(request_.id);
  held_file_.reset();
}

}  // namespace sbx
