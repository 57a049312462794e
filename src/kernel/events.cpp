#include "kernel/events.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <span>

namespace sbx {

Result<> Events::add(int fd, std::uint32_t events, Handler handler) {
  if (!epoll_) {
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) return fail_errno(Step::monitor, errno, "epoll_create1", "raise the limit of open files (ulimit -n)");
  }
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  const int operation = handlers_.contains(fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) return fail_errno(Step::monitor, errno, "epoll_ctl");
  handlers_[fd] = std::make_shared<Handler>(std::move(handler));
  return {};
}

void Events::remove(int fd) {
  if (handlers_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Events::dispatch() {
  if (!epoll_) return;
  std::array<epoll_event, 16> ready{};
  const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
  if (count <= 0) return;
  for (const auto& event : std::span(ready).first(static_cast<std::size_t>(count))) {
    const auto found = handlers_.find(event.data.fd);  // an earlier handler may have removed it
    if (found == handlers_.end()) continue;
    const auto handler = found->second;
    (*handler)(event.events);
  }
}

}  // namespace sbx
