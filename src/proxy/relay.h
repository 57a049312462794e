// Bytes between two connected sockets, both ways, by splice(2): they don't come into this process's memory.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "proxy/pipes.h"

namespace sbx::proxy {

class Relay {
 public:
  enum class State : std::uint8_t { waits, goes_on, done, broken };

  Relay(Pipes& pipes, int client, int server) : pipes_(pipes), up_{client, server}, down_{server, client} {}
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // What epoll said, edge-triggered.
  void client_ready(bool readable, bool writable);
  void server_ready(bool readable, bool writable);
  // From the client to the server flows nothing until open_up, but what was read of it already and is fed.
  void feed(std::span<const std::uint8_t> bytes) { head_.insert(head_.end(), bytes.begin(), bytes.end()); }
  void open_up() { up_.open = true; }
  void open_down() { down_.open = true; }
  // Moves what can be moved. `goes_on`: there is more, and others have their turn first.
  State pump();
  std::uint64_t sent() const { return up_.bytes; }
  std::uint64_t received() const { return down_.bytes; }

 private:
  struct Half {
    int from, to;
    std::unique_ptr<Pipe> pipe = nullptr;
    bool readable = false, writable = false, open = false, ended = false, done = false, cut = false;
    std::uint64_t bytes = 0;
  };
  State pump_half(Half& half);
  State send_head(Half& half);
  State cut(Half& half);
  Pipes& pipes_;
  Half up_, down_;
  std::vector<std::uint8_t> head_;
  std::size_t head_sent_ = 0;
};

}  // namespace sbx::proxy
