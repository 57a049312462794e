// The launcher's half of `sbx attach`: it keeps the terminal of a sandbox in the background, and lets clients of its own
// user have it.
//
// The launcher relays between the sandbox's terminal and a terminal of the host's as ever, and this holds the latter's
// master side: what the sandbox says is always read, whoever listens, so that nobody holds the payload up.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/events.h"

namespace sbx {

class AttachServer {
 public:
  AttachServer(UniqueFd master, Events& events) : master_(std::move(master)), events_(events) {}
  ~AttachServer();
  AttachServer(const AttachServer&) = delete;
  AttachServer& operator=(const AttachServer&) = delete;

  // Listens at ID.attach in `directory`, borrowed to the end.
  Result<> open(int directory, const std::string& id);
  // The last output, and the command's status, for those who are attached.
  void finish(int status);

 private:
  struct Client {
    UniqueFd socket;
    std::vector<std::string> queue;  // messages that the socket didn't take
    std::size_t queued = 0;          // bytes of it
    bool gone = false;
  };
  void accept();
  void hear(Client& client);
  void take(Client& client, const char* message, std::size_t size);
  void read_output();
  void write_input();
  void remember(const char* bytes, std::size_t size);
  void replay(Client& client);
  void send(Client& client, std::string message);
  void flush(Client& client);
  void watch(Client& client);
  void watch_master();
  void forget_the_gone();

  UniqueFd master_, listener_;
  Events& events_;
  int directory_ = -1;
  std::string name_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::string input_;     // for the terminal, which takes what it can
  std::string screen_;    // the last output
  bool cut_ = false;      // more came before it
  bool alternate_ = false;  // a full-screen program has the alternate screen (xterm's ?1049)
};

}  // namespace sbx
