// Work done in a sandbox's network by a process that joins it for a moment. A socket belongs to the network that it was
// made in for good (network_namespaces(7)), so that what is made there can be used from outside.
#pragma once
#include <functional>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx {

// Runs in a process of its own, which may allocate, has all capabilities in the sandbox's user namespace and in no other,
// and has the host's file system. The descriptors it returns (at most 8) are the caller's then.
using InsideWork = std::function<Result<std::vector<UniqueFd>>()>;

// Joins `user_namespace` and `network_namespace`, runs `work`, waits at most ten seconds. The caller has one thread.
Result<std::vector<UniqueFd>> run_inside(int user_namespace, int network_namespace, const InsideWork& work);

}  // namespace sbx
