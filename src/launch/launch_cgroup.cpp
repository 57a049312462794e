#include "launch/launch_cgroup.h"

#include <algorithm>

#include "base/fault.h"
#include "base/text.h"
#include "kernel/cgroup_limits.h"
#include "spec/cgroup_values.h"
#include "systemd/unit_property.h"

namespace sbx {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

Result<> LaunchCgroup::make() {
  const auto* sub = std::get_if<SubCgroup>(&plan_.cgroup);
  if (sub == nullptr) return {};
  if (const int error = fault_at(Step::make_cgroup); error != 0)
    return fail_errno(Step::make_cgroup, error, sub->name);
  SBX_ASSIGN(cgroup_, Cgroup::make(sub->parent, sub->name, limit_controllers(sub->limits)));
  return write_limits(*cgroup_, sub->limits);
}

Result<> LaunchCgroup::request(pid_t child, int pidfd, const std::vector<HelperProcess>& helpers, Deadline deadline,
                               const std::function<Result<>()>& announce) {
  const auto* request = std::get_if<ScopeRequest>(&plan_.cgroup);
  if (request == nullptr) return {};
  TransientScope scope{request->name, request->slice, request->description, {}, {{child, pidfd}}};
  for (const HelperProcess& helper : helpers) scope.processes.push_back({helper.pid, helper.pidfd});
  // What is wrong with the request itself is no loss but a mistake.
  SBX_ASSIGN(scope.properties, scope_properties(request->limits, request->properties, request->system_manager));
  const auto start = [&]() -> Result<ScopeJob> {
    for (const Step step : {Step::connect_bus, Step::start_scope})
      if (const int error = fault_at(step); error != 0) return fail_errno(step, error, request->name);
    return start_scope(scope, request->system_manager, deadline, announce);
  };
  auto job = start();
  if (job) job_ = *std::move(job);
  else job_error_ = std::move(job).error();
  return {};
}

Result<> LaunchCgroup::verify(pid_t child, Deadline deadline, const std::function<void(const Loss&)>& on_loss) {
  const CgroupSpec* limits = limits_of(plan_.cgroup);
  if (limits == nullptr) return {};
  if (std::holds_alternative<ScopeRequest>(plan_.cgroup)) {
    if (job_)
      if (auto done = job_->wait(deadline); !done) job_error_ = std::move(done).error();
    if (job_error_) return lose(*std::move(job_error_), on_loss);
    scope_ = true;
    SBX_ASSIGN(const std::string path, cgroup_of(child));
    // The cgroup is killed at the end: it must be the sandbox's own and no other.
    if (!path.ends_with(cat("/", scope_name())))
      return fail(Step::verify_limits, ErrorKind::service_manager, cat("the sandbox is in cgroup ", path, ", not in ", scope_name()),
                  "see the service manager's journal");
    SBX_ASSIGN(cgroup_, Cgroup::open(path));
    SBX_TRY(hold_properties(on_loss));
  }
  if (const auto* unit = std::get_if<UnitCgroup>(&plan_.cgroup)) {
    SBX_ASSIGN(shared_, Cgroup::open(unit->path));
    if (const int error = fault_at(Step::verify_limits); error != 0) return fail_errno(Step::verify_limits, error, unit->unit);
    return hold(read_unit_limits(unit->path, unit->unit, *limits), on_loss);
  }
  if (const int error = fault_at(Step::verify_limits); error != 0)
    return fail_errno(Step::verify_limits, error, cgroup_->path());
  SBX_TRY(hold(read_limits(*cgroup_, *limits), on_loss));
  // Closes the bus and unloads libsystemd. Not before: a child that died before the manager moved it leaves a scope that
  // never had a process, and that nothing but end(true) stops.
  job_.reset();
  return {};
}

// The manager takes a property whose controller it hasn't been given, and enforces nothing.
Result<> LaunchCgroup::hold_properties(const std::function<void(const Loss&)>& on_loss) {
  const auto controllers = cgroup_->read("cgroup.controllers").value_or(std::string());
  for (const auto& [name, value] : std::get<ScopeRequest>(plan_.cgroup).properties) {
    const std::string controller(property_controller(name));
    if (controller.empty() || lists_word(controllers, controller)) continue;
    const Loss loss{controller,
                    cat("[systemd] properties ", name, "=", value, " does not hold: the ", controller,
                        " controller is not delegated to the service manager"),
                    "as root run `systemctl edit user@.service`, add [Service] Delegate=cpu cpuset io memory pids, and log in anew"};
    if (!contains(plan_.accept, controller))
      return fail(Step::verify_limits, ErrorKind::host, loss.reason, loss.remedy);
    if (on_loss) on_loss(loss);
  }
  return {};
}

Result<> LaunchCgroup::hold(std::vector<LimitReading> readings, const std::function<void(const Loss&)>& on_loss) {
  std::erase_if(readings, [&](const LimitReading& reading) {
    if (reading.enforced || !contains(plan_.accept, reading.controller)) return false;
    if (on_loss) on_loss(Loss{reading.controller, cat(reading.file, "=", reading.asked, ": ", reading.cause), reading.remedy});
    return true;
  });
  return require_limits(readings);
}

Result<> LaunchCgroup::lose(Error error, const std::function<void(const Loss&)>& on_loss) {
  if (job_) job_->abandon();
  job_.reset();
  const CgroupSpec& limits = *limits_of(plan_.cgroup);
  if (!plan_.scope_optional && !contains(plan_.accept, "scope")) return fail(std::move(error));
  // Without a scope no limit holds: each has to be one whose loss is accepted.
  for (const auto& controller : limit_controllers(limits))
    if (!contains(plan_.accept, controller)) {
      if (error.hint.empty()) error.hint = cat("or accept the loss: --accept ", controller, ", or fallback.accept in the profile");
      return fail(std::move(error));
    }
  if (on_loss) {
    const auto reason = cat(error.what, error.errno_value != 0 ? cat(": ", errno_text(error.errno_value)) : "");
    on_loss(Loss{"scope", reason, error.hint});
    for (const auto& controller : limit_controllers(limits)) on_loss(Loss{controller, reason, error.hint});
  }
  return {};
}

Result<> LaunchCgroup::move(pid_t process) {
  return cgroup_ && !scope_ ? cgroup_->write("cgroup.procs", std::to_string(process)) : Result<>{};
}

std::string LaunchCgroup::scope_name() const {
  const auto* request = std::get_if<ScopeRequest>(&plan_.cgroup);
  return scope_ && request != nullptr ? request->name : std::string();
}

void LaunchCgroup::end(bool failed) {
  // A scope ends by itself when it is empty. What is in flight might still be made: it is taken back.
  if (job_ && failed) job_->abandon();
  job_.reset();
  if (!cgroup_) return;
  static_cast<void>(cgroup_->kill());
  static_cast<void>(cgroup_->remove());
  cgroup_.reset();
}

}  // namespace sbx
