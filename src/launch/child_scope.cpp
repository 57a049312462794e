#include "launch/child_scope.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "kernel/descriptors.h"
#include "launch/child.h"

namespace sbx {

ScopeMove::ScopeMove(const ChildProgram& program) : program_(program) {
  if (program.scope != nullptr) own_cgroup_ = ::open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
}

int ScopeMove::wait_for(MessageKind kind) {
  Message message;
  do {
    if (const int error = receive_raw(program_.channel, &message); error != 0) return error;
    if (message.kind == MessageKind::scope_asked) asked_ = true;
  } while (message.kind == MessageKind::scope_asked);
  if (message.kind != kind) return -EBADMSG;
  return program_.scope != nullptr && kind == MessageKind::open_gate ? die_with_parent(program_.channel) : 0;
}

bool ScopeMove::is_over() const {
  char text[4096];
  const ssize_t got = ::pread(own_cgroup_, text, sizeof text, 0);
  return got > 0 && ::memmem(text, static_cast<std::size_t>(got), program_.scope->data(), program_.scope->size()) != nullptr;
}

void ScopeMove::see_it_end() {
  if (program_.scope == nullptr) return;
  for (Message message; receive_raw(program_.channel, &message) == 0;)
    if (message.kind == MessageKind::scope_asked) asked_ = true;
  if (!asked_) return;
  // A reader of the output sees the end at once.
  close_all_but(&own_cgroup_, own_cgroup_ < 0 ? 0 : 1, program_.highest_descriptor);
  constexpr timespec pause{0, 5'000'000};
  constexpr time_t patience_s = 10;
  timespec now{}, begin{};
  for (::clock_gettime(CLOCK_MONOTONIC, &begin), now = begin; now.tv_sec - begin.tv_sec < patience_s && !is_over();
       ::clock_gettime(CLOCK_MONOTONIC, &now))
    ::nanosleep(&pause, nullptr);
}

}  // namespace sbx
