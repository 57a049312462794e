// What the service manager's refusals mean, and the way out. Pure.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace sbx {

// "the user's service manager", for messages.
std::string_view manager_name(bool system_manager);
// A D-Bus error that StartTransientUnit answered for `unit` in `slice`.
Error manager_error(std::string_view error_name, std::string_view message, const std::string& unit,
                    const std::string& slice, bool system_manager);
// The result of a job that JobRemoved gave and that isn't "done".
Error job_error(std::string_view result, const std::string& unit, bool system_manager);

}  // namespace sbx
