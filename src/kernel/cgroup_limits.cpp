#include "kernel/cgroup_limits.h"

#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "spec/cgroup_values.h"

namespace sbx {
namespace {

void explain_absent(LimitReading& reading, const Cgroup& cgroup) {
  const auto controllers = cgroup.read("cgroup.controllers").value_or(std::string());
  reading.found = "absent";
  // The hybrid layout keeps the controllers on v1 hierarchies and leaves none to the v2 one.
  if (cgroup_mount() == "/sys/fs/cgroup/unified") {
    reading.cause = cat("the host keeps the ", reading.controller, " controller on cgroup v1");
    reading.remedy = "boot with systemd.unified_cgroup_hierarchy=1";
  } else if (lists_word(controllers, reading.controller)) {
    reading.cause = cat("this kernel offers no ", reading.file);
    reading.remedy = reading.file == "memory.swap.max" ? "boot with swapaccount=1, or leave memory.swap.max out"
                                                       : cat("leave ", reading.file, " out");
  } else {
    reading.cause = cat("the ", reading.controller, " controller is not delegated to the user's service manager");
    reading.remedy =
        "as root run `systemctl edit user@.service`, add [Service] Delegate=cpu cpuset io memory pids, and log in anew";
  }
}

}  // namespace

std::vector<LimitReading> read_limits(const Cgroup& cgroup, const CgroupSpec& limits) {
  const auto page_size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::vector<LimitReading> readings;
  for (const auto& asked : limit_values(limits)) {
    LimitReading reading{asked.file, asked.controller, asked.value, {}, false, {}, {}};
    if (auto found = cgroup.read(asked.file.c_str())) {
      reading.found = *std::move(found);
      reading.enforced = limit_holds(asked, reading.found, page_size);
      if (!reading.enforced) {
        reading.cause = cat(asked.file, " is ", reading.found, " where ", asked.value, " was asked for");
        reading.remedy = cat("take a property that sets it otherwise out of [systemd] properties and of the slice's drop-ins");
      }
    } else if (found.error().errno_value == ENOENT) {
      // The service manager doesn't enable a controller for the sake of no limit.
      reading.enforced = asked.value.starts_with("max");
      if (reading.enforced) reading.found = "absent";
      else explain_absent(reading, cgroup);
    } else {
      reading.found = "unreadable";
      reading.cause = cat(found.error().what, ": ", errno_text(found.error().errno_value));
      reading.remedy = "see whether the cgroup still exists";
    }
    readings.push_back(std::move(reading));
  }
  return readings;
}

std::vector<LimitReading> read_unit_limits(const std::string& path, const std::string& unit, const CgroupSpec& limits) {
  std::vector<LimitReading> readings;
  std::string lacking;  // all of it is told at once
  for (const auto& asked : limit_values(limits)) {
    LimitReading reading{asked.file, asked.controller, asked.value, "absent", asked.value.starts_with("max"), {}, {}};
    for (std::string_view at = path; !reading.enforced && at.size() > 1; at = parent_path(at)) {
      const auto cgroup = Cgroup::open(std::string(at));
      const auto found = cgroup ? cgroup->read(asked.file.c_str()) : fail(cgroup.error());
      if (!found) continue;
      reading.enforced = limit_is_within(asked, *found);
      if (reading.enforced || reading.found == "absent") reading.found = *found;
      // A share is one among those beside it: those above say nothing of the unit's own.
      if (is_weight(asked)) break;
    }
    if (!reading.enforced) {
      reading.cause = cat("the sandbox stays in the cgroup of ", unit, ", where it is ", reading.found);
      lacking += cat(lacking.empty() ? "" : ", ", unit_directive(asked));
    }
    readings.push_back(std::move(reading));
  }
  for (auto& reading : readings)
    if (!reading.enforced) reading.remedy = cat("put ", lacking, " or Delegate=yes under [Service] of ", unit);
  return readings;
}

Result<> require_limits(const std::vector<LimitReading>& readings) {
  for (const auto& reading : readings)
    if (!reading.enforced)
      return fail(Step::verify_limits, ErrorKind::host, cat(reading.file, "=", reading.asked, " does not hold: ", reading.cause),
                  reading.remedy);
  return {};
}

Result<> write_limits(const Cgroup& cgroup, const CgroupSpec& limits) {
  for (const auto& limit : limit_values(limits)) {
    auto written = cgroup.write(limit.file.c_str(), limit.value);
    if (written) continue;
    Error error = std::move(written).error();
    error.hint = error.errno_value == EINVAL || error.errno_value == ERANGE
                     ? cat("choose a value that the kernel takes for ", limit.file)
                     : cat("see that the ", limit.controller, " controller is delegated, or leave ", limit.file, " out");
    return fail(std::move(error));
  }
  return {};
}

}  // namespace sbx
