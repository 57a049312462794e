#include "systemd/attach.h"

#include <optional>

#include "base/text.h"
#include "spec/cgroup_values.h"
#include "systemd/bus.h"
#include "systemd/manager_errors.h"

namespace sbx {
namespace {

constexpr std::uint64_t call_timeout_us = 60'000'000;

struct Answer {
  const BusLibrary& library;
  const OwnUnit& unit;
  bool here = false;
  std::optional<Error> failure = {};
};

int answer_handler(sd_bus_message* reply, void* data, sd_bus_error*) {
  auto* answer = static_cast<Answer*>(data);
  answer->here = true;
  const sd_bus_error* refusal = answer->library.sd_bus_message_get_error(reply);
  if (refusal == nullptr) return 1;
  auto error = manager_error(refusal->name, refusal->message == nullptr ? "" : refusal->message, answer->unit.name, "",
                             !answer->unit.user);
  error.step = Step::join_cgroup;
  error.what = cat(manager_name(!answer->unit.user), " doesn't let the command into ", answer->unit.name,
                   refusal->message == nullptr ? "" : ": ", refusal->message == nullptr ? "" : refusal->message);
  error.hint = "run sbx exec from where the sandbox was started, e.g. the same session or unit";
  answer->failure = std::move(error);
  return 1;
}

// AttachProcessesToUnit(s unit, s subcgroup, au pids).
int append_call(const BusLibrary& library, sd_bus_message* message, const std::string& unit, const std::string& below,
                std::uint32_t pid) {
  int error = library.sd_bus_message_append_basic(message, 's', unit.c_str());
  if (error >= 0) error = library.sd_bus_message_append_basic(message, 's', below.c_str());
  if (error >= 0) error = library.sd_bus_message_open_container(message, 'a', "u");
  if (error >= 0) error = library.sd_bus_message_append_basic(message, 'u', &pid);
  if (error >= 0) error = library.sd_bus_message_close_container(message);
  return error;
}

}  // namespace

Result<> attach_process(const std::string& cgroup, pid_t pid, std::chrono::steady_clock::time_point deadline) {
  const auto unit = unit_of_cgroup(cgroup);
  if (!unit)
    return fail(Step::join_cgroup, ErrorKind::host, cat("this process may not move into the sandbox's cgroup ", cgroup),
                "run sbx exec as the user, and from the cgroup, that the sandbox was started from");
  SBX_ASSIGN(const auto bus, Bus::connect(!unit->user, deadline));
  SBX_ASSIGN(const auto message, bus->manager_call("AttachProcessesToUnit"));
  Answer answer{bus->library(), *unit};
  int error = append_call(bus->library(), message.get(), unit->name, cgroup.substr(unit->cgroup.size()), static_cast<std::uint32_t>(pid));
  if (error >= 0)
    error = bus->library().sd_bus_call_async(bus->get(), nullptr, message.get(), answer_handler, &answer, call_timeout_us);
  if (error < 0) return fail_errno(Step::join_cgroup, -error, cat("the request for ", unit->name, " can't be written"));
  SBX_TRY(bus->process_until([&] { return answer.here; }, deadline));
  if (answer.failure) return fail(*std::move(answer.failure));
  return {};
}

}  // namespace sbx
