// The socket by which `sbx net` speaks to the network helper of a running sandbox, in the registry's directory.
#pragma once
#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx {

// Listens at `name` in the directory, for the caller alone.
Result<UniqueFd> listen_for_control(int directory, const std::string& name);
// -ENOENT and such as an error; the hint is the caller's to give.
Result<UniqueFd> connect_to_control(int directory, const std::string& name);
// Sends one line and hands each line of the answer to `take`, until the helper has no more.
Result<> ask_control(int socket, const std::string& request, const std::function<Result<>(const std::string&)>& take);

}  // namespace sbx
