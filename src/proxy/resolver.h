// The sandbox's name server.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "proxy/inside.h"
#include "proxy/loop.h"
#include "proxy/policy.h"
#include "proxy/upstream.h"

namespace sbx::proxy {

class Resolver {
 public:
  Resolver(Loop& loop, Policy& policy, Upstream& upstream) : loop_(loop), policy_(policy), upstream_(upstream) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();
  Result<> serve(InsideSockets& sockets);
  // As a question of the sandbox's own would be answered: under the rules, and entered into the answers.
  void resolve(const std::string& name, int family, Upstream::Answer answer);

 private:
  struct Stream;
  void serve_datagrams(int socket);
  void accept_streams(int socket);
  void read_stream(int fd);
  void answer(const DnsQuestion& question, std::size_t limit, const std::function<void(std::vector<std::uint8_t>)>& reply);
  void drop_stream(int fd);
  Loop& loop_;
  Policy& policy_;
  Upstream& upstream_;
  std::vector<UniqueFd> sockets_;
  std::map<int, std::shared_ptr<Stream>> streams_;
};

}  // namespace sbx::proxy
