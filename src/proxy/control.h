// What the helper is told and asked: by the launcher over their own socket, by `sbx net` over one with a name. A line
// of JSON each way.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "proxy/gate.h"
#include "proxy/policy.h"

namespace sbx::proxy {

class Control {
 public:
  Control(Loop& loop, Policy& policy, Gate& gate) : loop_(loop), policy_(policy), gate_(gate) {}
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  // Listening, of the caller's own; others than the owner are turned away by who they are (SO_PEERCRED, unix(7)).
  Result<> serve(UniqueFd socket);
  // The answer to one request: "{}"-like; to `log` several lines.
  std::string answer(const std::string& request, bool& follows);

 private:
  struct Client {
    UniqueFd fd;
    std::string input, output;
    bool follows = false, closing = false;
  };
  void accept();
  void event(int fd, std::uint32_t ready);
  void flush(int fd);
  void drop(int fd);
  Loop& loop_;
  Policy& policy_;
  Gate& gate_;
  UniqueFd socket_;
  std::map<int, Client> clients_;
};

}  // namespace sbx::proxy
