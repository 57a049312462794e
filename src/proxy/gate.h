// Where the sandbox's connections arrive.
#pragma once
#include <map>
#include <memory>

#include "proxy/connection.h"
#include "proxy/inside.h"

namespace sbx::proxy {

class Gate {
 public:
  // `most`: of the connections at a time; those beyond wait in the namespace's own backlog.
  Gate(Loop& loop, Policy& policy, Resolver& resolver, std::size_t most) : loop_(loop), policy_(policy), resolver_(resolver), most_(most) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { connections_.clear(); }
  Result<> serve(InsideSockets& sockets);
  void rules_changed();

 private:
  Result<> listen(bool on);
  void accept(int socket);
  void forget(std::uint64_t number);
  Loop& loop_;
  Policy& policy_;
  Resolver& resolver_;
  const std::size_t most_;
  Pipes pipes_;
  std::vector<UniqueFd> sockets_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t next_ = 1;
  bool listening_ = false;
};

}  // namespace sbx::proxy
