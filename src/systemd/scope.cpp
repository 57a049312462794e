#include "systemd/scope.h"

#include <algorithm>
#include <optional>

#include "base/fault.h"
#include "base/text.h"
#include "systemd/bus.h"
#include "systemd/manager_errors.h"

namespace sbx {

struct ScopeJob::Impl {
  TransientScope scope;
  bool system_manager = false;
  std::unique_ptr<Bus> bus;
  bool pidfds = false;              // the call in flight names the process by pidfd
  std::optional<Error> failure;     // the call or the match failed
  std::optional<std::string> result;  // of the job, as JobRemoved gives it

  Result<> watch_jobs();
  Result<> call();
  int append_call(sd_bus_message* message) const;
  int append_processes(sd_bus_message* message) const;
  bool stop(bool& answered);  // sends StopUnit; `answered` becomes true with its reply
  void on_reply(sd_bus_message* reply);
  void on_job_removed(sd_bus_message* signal);
};

namespace {

using Impl = ScopeJob::Impl;

// Without it a manager that never answers would hold the call for sd-bus's own 25 s; the deadline of wait() is shorter.
constexpr std::uint64_t call_timeout_us = 60'000'000;
constexpr auto abandon_time = std::chrono::seconds(2);

int reply_handler(sd_bus_message* reply, void* impl, sd_bus_error*) {
  static_cast<Impl*>(impl)->on_reply(reply);
  return 1;
}

int job_removed_handler(sd_bus_message* signal, void* impl, sd_bus_error*) {
  static_cast<Impl*>(impl)->on_job_removed(signal);
  return 0;
}

int answer_handler(sd_bus_message*, void* answered, sd_bus_error*) {
  *static_cast<bool*>(answered) = true;
  return 1;
}

int match_handler(sd_bus_message* reply, void* data, sd_bus_error*) {
  auto* impl = static_cast<Impl*>(data);
  if (const sd_bus_error* error = impl->bus->library().sd_bus_message_get_error(reply); error != nullptr)
    impl->failure = manager_error(error->name, error->message == nullptr ? "" : error->message, impl->scope.name,
                                impl->scope.slice, impl->system_manager);
  return 1;
}

Error unsendable(int negative_errno, const std::string& unit) {
  return {Step::start_scope, ErrorKind::service_manager, -negative_errno, cat("the request for ", unit, " can't be written"), {}};
}

}  // namespace

// Watched before the call: a job can be done, and its signal gone, before the call's reply is read. The rule can't name
// the unit as arg2: sd-bus compares arguments only as long as all before them are text, and the first is a number.
Result<> ScopeJob::Impl::watch_jobs() {
  const std::string rule = cat("type='signal',", bus->message_bus() ? "sender='org.freedesktop.systemd1'," : "",
                               "path='/org/freedesktop/systemd1',interface='org.freedesktop.systemd1.Manager',",
                               "member='JobRemoved'");
  const int error = bus->library().sd_bus_add_match_async(bus->get(), nullptr, rule.c_str(), job_removed_handler,
                                                          match_handler, this);
  if (error < 0) return fail(unsendable(error, scope.name));
  return {};
}

int ScopeJob::Impl::append_processes(sd_bus_message* message) const {
  const auto& library = bus->library();
  const char* name = pidfds ? "PIDFDs" : "PIDs";
  const char* array = pidfds ? "ah" : "au";
  int error = library.sd_bus_message_open_container(message, 'r', "sv");
  if (error >= 0) error = library.sd_bus_message_append_basic(message, 's', name);
  if (error >= 0) error = library.sd_bus_message_open_container(message, 'v', array);
  if (error >= 0) error = library.sd_bus_message_open_container(message, 'a', array + 1);
  for (const auto& process : scope.processes) {
    const auto pid = static_cast<std::uint32_t>(process.pid);
    if (error >= 0)
      error = pidfds ? library.sd_bus_message_append_basic(message, 'h', &process.pidfd)
                     : library.sd_bus_message_append_basic(message, 'u', &pid);
  }
  for (int container = 0; container < 3 && error >= 0; ++container)
    error = library.sd_bus_message_close_container(message);
  return error;
}

// StartTransientUnit(s name, s mode, a(sv) properties, a(sa(sv)) auxiliary units).
int ScopeJob::Impl::append_call(sd_bus_message* message) const {
  const auto& library = bus->library();
  int error = library.sd_bus_message_append_basic(message, 's', scope.name.c_str());
  if (error >= 0) error = library.sd_bus_message_append_basic(message, 's', "fail");
  if (error >= 0) error = library.sd_bus_message_open_container(message, 'a', "(sv)");
  if (error >= 0) error = append_property(library, message, {"Description", scope.description});
  if (error >= 0 && !scope.slice.empty()) error = append_property(library, message, {"Slice", scope.slice});
  for (const auto& property : scope.properties)
    if (error >= 0) error = append_property(library, message, property);
  if (error >= 0) error = append_processes(message);
  if (error >= 0) error = library.sd_bus_message_close_container(message);
  if (error >= 0) error = library.sd_bus_message_open_container(message, 'a', "(sa(sv))");
  if (error >= 0) error = library.sd_bus_message_close_container(message);
  return error;
}

Result<> ScopeJob::Impl::call() {
  SBX_ASSIGN(const auto message, bus->manager_call("StartTransientUnit"));
  int error = append_call(message.get());
  if (error >= 0)
    error = bus->library().sd_bus_call_async(bus->get(), nullptr, message.get(), reply_handler, this, call_timeout_us);
  if (error < 0) return fail(unsendable(error, scope.name));
  return {};
}

void ScopeJob::Impl::on_reply(sd_bus_message* reply) {
  const sd_bus_error* refusal = bus->library().sd_bus_message_get_error(reply);
  if (refusal == nullptr) return;  // the job is queued; JobRemoved tells the rest
  const std::string message = refusal->message == nullptr ? "" : refusal->message;
  // systemd before 254 has no PIDFDs. The child is ours and not yet waited for, so its pid can't be another's.
  if (pidfds && message.find("PIDFDs") != std::string::npos) {
    pidfds = false;
    if (auto again = call(); !again) failure = std::move(again).error();
    return;
  }
  failure = manager_error(refusal->name, message, scope.name, scope.slice, system_manager);
}

void ScopeJob::Impl::on_job_removed(sd_bus_message* signal) {
  const auto& library = bus->library();
  std::uint32_t id = 0;
  const char* job = nullptr;
  const char* unit = nullptr;
  const char* outcome = nullptr;
  if (library.sd_bus_message_read_basic(signal, 'u', &id) < 0 || library.sd_bus_message_read_basic(signal, 'o', &job) < 0 ||
      library.sd_bus_message_read_basic(signal, 's', &unit) < 0 ||
      library.sd_bus_message_read_basic(signal, 's', &outcome) < 0)
    return;
  if (scope.name == unit) result = outcome;
}

bool ScopeJob::Impl::stop(bool& answered) {
  const auto message = bus->manager_call("StopUnit");
  if (!message) return false;
  const auto& library = bus->library();
  // "replace" also cancels a start job that is still queued.
  return library.sd_bus_message_append_basic(message->get(), 's', scope.name.c_str()) >= 0 &&
         library.sd_bus_message_append_basic(message->get(), 's', "replace") >= 0 &&
         library.sd_bus_call_async(bus->get(), nullptr, message->get(), answer_handler, &answered, call_timeout_us) >= 0;
}

ScopeJob::ScopeJob() = default;
ScopeJob::ScopeJob(ScopeJob&&) noexcept = default;
ScopeJob& ScopeJob::operator=(ScopeJob&&) noexcept = default;
ScopeJob::~ScopeJob() = default;
ScopeJob::ScopeJob(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<> ScopeJob::wait(std::chrono::steady_clock::time_point deadline) {
  if (!impl_) return fail(Step::start_scope, ErrorKind::internal, "no scope was asked for");
  if (const int fault = fault_at(Step::start_scope); fault != 0)
    return fail_errno(Step::start_scope, fault, impl_->scope.name);
  SBX_TRY(impl_->bus->process_until([this] { return impl_->failure || impl_->result; }, deadline));
  if (impl_->failure) return fail(*impl_->failure);
  if (*impl_->result != "done") return fail(job_error(*impl_->result, impl_->scope.name, impl_->system_manager));
  return {};
}

void ScopeJob::abandon() {
  if (!impl_) return;
  bool answered = false;
  // Not before the answer is the bus closed: the manager asks the bus who the caller is, and does nothing for one that
  // is gone.
  if (impl_->stop(answered))
    std::ignore = impl_->bus->process_until([&] { return answered; }, std::chrono::steady_clock::now() + abandon_time);
  // An answer that comes later would find no `answered`.
  impl_.reset();
}

Result<ScopeJob> start_scope(const TransientScope& scope, bool system_manager, std::chrono::steady_clock::time_point deadline,
                             const std::function<Result<>()>& announce) {
  SBX_TRY(check_unit_name(scope.name, ".scope"));
  if (!scope.slice.empty()) SBX_TRY(check_unit_name(scope.slice, ".slice"));
  if (const int fault = fault_at(Step::connect_bus); fault != 0)
    return fail_errno(Step::connect_bus, fault, std::string(manager_name(system_manager)));
  auto impl = std::make_unique<ScopeJob::Impl>();
  impl->scope = scope;
  impl->system_manager = system_manager;
  SBX_ASSIGN(impl->bus, Bus::connect(system_manager, deadline));
  impl->pidfds = std::ranges::all_of(scope.processes, [](const auto& process) { return process.pidfd >= 0; }) &&
                 impl->bus->library().since_254;
  SBX_TRY(impl->watch_jobs());
  SBX_TRY(announce());
  SBX_TRY(impl->call());
  SBX_TRY(impl->bus->flush(deadline));
  return ScopeJob(std::move(impl));
}

}  // namespace sbx
