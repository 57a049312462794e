#include "proxy/control.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sbx::proxy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_clients = 16, most_input = 65536, most_output = 4 * 1024 * 1024;
constexpr std::size_t most_rules = 4096;

Json texts(const std::vector<NetRule>& rules) {
  Json out = Json::array();
  for (const auto& rule : rules) out.push_back(format_rule(rule));
  return out;
}

std::string error_line(const std::string& what) { return Json{{"error", what}}.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n"; }

// Empty: done.
std::string change(NetRules& rules, const std::string& command, const Json& list) {
  std::vector<NetRule> parsed;
  for (const auto& text : list) {
    if (!text.is_string()) return "a rule is a string";
    auto rule = parse_rule(text.get<std::string>());
    if (!rule) return cat("\"", text.get<std::string>(), "\": ", rule.error().what);
    if (rule->protocol == Protocol::udp) return cat("\"", text.get<std::string>(), "\": UDP isn't let through yet");
    parsed.push_back(*std::move(rule));
  }
  if (rules.allow.size() + rules.deny.size() + parsed.size() > most_rules) return "there are too many rules";
  for (const auto& rule : parsed) {
    const bool known = std::erase(rules.allow, rule) + std::erase(rules.deny, rule) > 0;
    if (command == "remove" && !known) return cat("there is no rule \"", format_rule(rule), "\"");
    if (command == "allow") rules.allow.push_back(rule);
    if (command == "deny") rules.deny.push_back(rule);
  }
  return {};
}

}  // namespace

Result<> Control::serve(UniqueFd socket) {
  socket_ = std::move(socket);
  return loop_.events.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

std::string Control::answer(const std::string& text, bool& follows) {
  const auto request = Json::parse(text, nullptr, false);
  if (!request.is_object()) return error_line("the request is no JSON object");
  const auto command = request.value("command", Json());
  if (command == "list")
    return Json{{"allow", texts(policy_.rules.allow)}, {"deny", texts(policy_.rules.deny)}, {"learning", policy_.rules.allow_all}}.dump() + "\n";
  if (command == "used") return Json{{"used", policy_.used}}.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  if (command == "log") {
    std::string out;
    for (const auto& line : policy_.journal.lines()) out += cat(line, "\n");
    follows = request.value("follow", Json()) == true;
    return out;
  }
  if (command != "allow" && command != "deny" && command != "remove") return error_line("the request names no command");
  auto rules = policy_.rules;
  if (const auto problem = change(rules, command.get<std::string>(), request.value("rules", Json::array())); !problem.empty()) return error_line(problem);
  policy_.rules = std::move(rules);
  gate_.rules_changed();
  return "{\"done\":true}\n";
}

void Control::accept() {
  UniqueFd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  ucred peer{};
  socklen_t size = sizeof peer;
  if (!fd || ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if ((peer.uid != ::getuid() && peer.uid != 0) || clients_.size() >= most_clients) return;
  const int number = fd.get();
  if (!loop_.events.add(number, EPOLLIN, [this, number](std::uint32_t ready) { event(number, ready); })) return;
  clients_[number].fd = std::move(fd);
}

void Control::event(int fd, std::uint32_t ready) {
  Client& client = clients_.at(fd);
  if ((ready & EPOLLOUT) != 0) return flush(fd);
  std::array<char, 4096> buffer;
  const auto count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0 || client.input.size() > most_input) return drop(fd);
  client.input.append(buffer.data(), static_cast<std::size_t>(count));
  const auto end = client.input.find('\n');
  if (end == std::string::npos || client.closing || client.follows) return;
  const std::string text = answer(client.input.substr(0, end), client.follows);
  client.closing = !client.follows;
  if (client.follows)
    policy_.journal.follow(fd, [this, fd](const std::string& line) {
      // A follower that doesn't read is let go of.
      if (const auto found = clients_.find(fd); found != clients_.end()) found->second.output += line + "\n", flush(fd);
    });
  client.output += text;
  flush(fd);
}

void Control::flush(int fd) {
  Client& client = clients_.at(fd);
  while (!client.output.empty()) {
    const auto count = ::send(fd, client.output.data(), client.output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) return drop(fd);
    if (count < 0) break;
    client.output.erase(0, static_cast<std::size_t>(count));
  }
  if (client.output.size() > most_output || (client.output.empty() && client.closing)) return drop(fd);
  const std::uint32_t wanted = EPOLLIN | (client.output.empty() ? 0U : EPOLLOUT);
  static_cast<void>(loop_.events.add(fd, wanted, [this, fd](std::uint32_t ready) { event(fd, ready); }));
}

void Control::drop(int fd) {
  policy_.journal.unfollow(fd);
  loop_.events.remove(fd);
  clients_.erase(fd);
}

}  // namespace sbx::proxy
