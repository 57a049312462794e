// One connection of the sandbox's, from its arrival to its end.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "egress/proxy_request.h"
#include "egress/verdict.h"
#include "proxy/loop.h"
#include "proxy/policy.h"
#include "proxy/relay.h"
#include "proxy/resolver.h"

namespace sbx::proxy {

class Connection {
 public:
  // `finished` is called once, from a handler of the connection's own: it must not destroy it at once.
  Connection(Loop& loop, Policy& policy, Pipes& pipes, UniqueFd client, std::uint64_t number, std::function<void()> finished);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // A program that uses the port as a proxy says itself where it wants to go.
  void begin_as_proxy(Resolver& resolver);
  // Judges, and goes on as judged.
  void begin(const IpAddress& address, std::uint16_t port);
  // Whether the rules as they are now would still let it through.
  void judge_again();

 private:
  void judged(Verdict verdict);
  void connect();
  void client_event(std::uint32_t ready);
  void server_event(std::uint32_t ready);
  void connected();
  void read_first_bytes();
  bool judge_first();
  void feed();
  void read_request();
  void take_request(const ProxyRequest& request);
  void resolve_request(int family);
  void answer(ProxyOutcome outcome);
  void pass();
  void pump();
  void refuse(const std::string& reason);
  void finish(bool reset);
  void note_allowed();

  Loop& loop_;
  Policy& policy_;
  Pipes& pipes_;
  UniqueFd client_, server_;
  const std::uint64_t number_;
  std::function<void()> finished_;
  const Loop::Clock::time_point begun_ = Loop::Clock::now();
  IpAddress address_;
  std::uint16_t port_ = 0;
  Verdict verdict_;
  std::string name_;                 // as far as it is known
  std::vector<std::uint8_t> first_;  // what the client said until it was judged
  std::size_t fed_ = 0;              // of it, what the server may have already
  std::optional<Relay> relay_;
  std::optional<Loop::Timer> timer_;
  Resolver* resolver_ = nullptr;     // while the client says where it wants to go
  ProxyRequest::Kind asked_ = ProxyRequest::Kind::more;
  bool greeted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool passed_ = false, connected_ = false, over_ = false, pumping_ = false, noted_ = false;
};

}  // namespace sbx::proxy
