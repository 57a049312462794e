// sbx-net: the network of one sandbox of mode "filtered" or "learn". Started by sbx for each such launch, and by nobody
// else: its descriptors are those of egress/helper_words.h.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "base/text.h"
#include "egress/helper_words.h"
#include "proxy/confine.h"
#include "proxy/control.h"
#include "proxy/gate.h"
#include "proxy/inside.h"
#include "proxy/resolver.h"

namespace sbx::proxy {
namespace {

constexpr std::size_t wanted_connections = 2048;

Result<HelperRequest> read_request() {
  std::string text;
  std::array<char, 65536> buffer;
  for (ssize_t count = 1; count > 0;) {
    count = ::read(helper_request, buffer.data(), buffer.size());
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  auto out = parse_helper_request(text);
  if (!out) return fail(Step::set_up_network, ErrorKind::internal, "the network helper can't read its request");
  return *std::move(out);
}

Result<NetRules> read_rules(const HelperRequest& request) {
  NetRules out;
  out.allow_all = request.learn;
  for (const auto& [texts, rules] : {std::pair{&request.allow, &out.allow}, std::pair{&request.deny, &out.deny}})
    for (const auto& text : *texts) {
      auto rule = parse_rule(text);
      if (!rule) return fail(Step::set_up_network, ErrorKind::profile, cat("\"", text, "\": ", rule.error().what));
      rules->push_back(*std::move(rule));
    }
  return out;
}

void say(const std::string& line) {
  const std::string text = line + "\n";
  static_cast<void>(::send(helper_channel, text.data(), text.size(), MSG_NOSIGNAL));
}

// The launcher's words. Its end, and the sandbox's, are the helper's.
Result<> listen_to_launcher(Loop& loop, Control& control) {
  return loop.events.add(helper_channel, EPOLLIN, [&](std::uint32_t) {
    std::array<char, 4096> buffer;
    const auto count = ::recv(helper_channel, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return loop.stop();
    bool follows = false;
    const std::string text = control.answer(std::string(buffer.data(), static_cast<std::size_t>(count)), follows);
    static_cast<void>(::send(helper_channel, text.data(), text.size(), MSG_NOSIGNAL));
  });
}

bool is_listening(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0;
}

Result<> run() {
  SBX_TRY(leave_caller(helper_channel, helper_last));
  SBX_ASSIGN(const auto request, read_request());
  Loop loop;
  Policy policy;
  SBX_ASSIGN(policy.rules, read_rules(request));
  policy.ipv6 = host_has_ipv6();
  SBX_ASSIGN(auto sockets, make_inside(helper_user_namespace, helper_network_namespace, policy.ipv6));
  const std::size_t connections = raise_descriptor_limit(wanted_connections);
  SBX_ASSIGN(const auto upstream, Upstream::open(loop));
  Resolver resolver(loop, policy, *upstream);
  Gate gate(loop, policy, resolver, connections);
  Control control(loop, policy, gate);
  SBX_TRY(resolver.serve(sockets));
  SBX_TRY(gate.serve(sockets));
  if (is_listening(helper_control)) SBX_TRY(control.serve(UniqueFd(helper_control)));
  SBX_TRY(listen_to_launcher(loop, control));
  for (const int fd : {helper_request, helper_user_namespace, helper_network_namespace}) ::close(fd);
  SBX_TRY(confine_self());
  say(format_helper_answer({}));
  loop.run();
  ::_exit(0);  // every socket ends at once; nothing is left to be told
}

}  // namespace
}  // namespace sbx::proxy

int main(int argc, char**) {
  using namespace sbx;
  struct stat facts {};
  if (argc != 1 || ::fstat(helper_channel, &facts) != 0 || !S_ISSOCK(facts.st_mode)) {
    std::fputs("sbx-net: sbx itself starts this program, for sandboxes whose network is filtered\n", stderr);
    return 125;
  }
  if (auto done = proxy::run(); !done) proxy::say(format_helper_answer(done));
  return 125;
}
