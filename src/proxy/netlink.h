// rtnetlink(7): what a namespace needs so that every address is its own.
#pragma once
#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx::proxy {

class Netlink {
 public:
  static Result<Netlink> open();
  // lo up; an address of its own that connections come from, in both families where `ipv6`.
  Result<> set_up_loopback(bool ipv6);
  // ip route add local default dev lo
  Result<> make_all_local(bool ipv6);

 private:
  Result<> ask(const void* message, std::size_t size, const char* what);
  UniqueFd socket_;
  unsigned loopback_ = 0;
};

}  // namespace sbx::proxy
