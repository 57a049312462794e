// Relays sd_notify(3) from a sandbox to the service manager: a socket of the sandbox's own, whose messages are taken from
// its processes alone, read with care, and sent on in sbx's name.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/events.h"
#include "launch/companion.h"
#include "systemd/notify_message.h"

namespace sbx {

class NotifyRelay {
 public:
  // `manager`: NOTIFY_SOCKET as the caller has it. `complain` is told of the first messages that are refused.
  static Result<std::unique_ptr<NotifyRelay>> open(const std::string& manager, Events& events,
                                                   std::function<void(const std::string&)> complain);
  NotifyRelay(const NotifyRelay&) = delete;
  NotifyRelay& operator=(const NotifyRelay&) = delete;
  ~NotifyRelay();

  int socket() const { return socket_.get(); }  // for LaunchOptions::notify_socket, which gives it its name
  // Told of the launch's course; outlived by the relay.
  Companion companion();
  // In sbx's own name.
  void say(const std::string& text);

 private:
  struct Incoming {
    Notification notification;
    std::vector<UniqueFd> descriptors;
  };
  NotifyRelay(const std::string& manager, Events& events, std::function<void(const std::string&)> complain);
  Result<> listen(pid_t init);
  void serve();
  bool receive();
  bool forward();
  void pause();
  void resume();
  void refuse(pid_t sender, const std::string& why);
  bool is_inside(pid_t pid);
  bool names_process_inside(std::uint64_t pid) const;

  const std::string manager_;
  Events& events_;
  std::function<void(const std::string&)> complain_;
  UniqueFd socket_, sender_, timer_;
  pid_t init_ = -1;
  std::set<pid_t> known_;            // found inside once: a last word may outlive its speaker
  std::unique_ptr<Incoming> waiting_;  // read, and not yet taken by the manager
  int allowance_ = 0, refused_ = 0;
  bool paused_ = false;
};

}  // namespace sbx
