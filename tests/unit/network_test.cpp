#include <cerrno>

#include "catch.h"
#include "plan_support.h"
#include "spec/network_text.h"
#include "spec/validate.h"

using namespace sbx;
using namespace sbx::test;

TEST_CASE("published ports are read in each of their forms", "[network]") {
  const auto shown = [](std::string_view text) {
    const auto publish = parse_publish(text);
    return publish ? publish_text(*publish) : std::string("refused");
  };
  CHECK(shown("127.0.0.1:8080:80") == "127.0.0.1:8080:80");
  CHECK(shown("8080:80") == "127.0.0.1:8080:80");
  CHECK(shown("8080:80/tcp") == "127.0.0.1:8080:80");
  CHECK(shown("0.0.0.0:53:5353/udp") == "0.0.0.0:53:5353/udp");
  CHECK(shown("[::1]:8080:80/udp") == "[::1]:8080:80/udp");
  for (const char* bad : {"", "80", ":80", "80:", "0:80", "80:65536", "a:80:80", "::1:80:80", "[127.0.0.1]:80:80", "80:80/sctp", "80:80/", "127.0.0.1:80",
                          "[::1]80:80", "1.2.3:80:80", "-1:80"})
    CHECK(shown(bad) == "refused");
}

TEST_CASE("a private network takes what the host has, and says what it lacks", "[network][plan]") {
  auto spec = plain_spec();
  spec.network.mode = NetworkMode::private_nat;
  spec.network.origin = "test.toml:7";
  const NetworkFacts good{.ipv4_route = true, .ipv6_route = true, .pasta = "/usr/bin/pasta", .slirp4netns = "/usr/bin/slirp4netns"};
  const auto plan = [&](auto change) {
    auto host = plain_host();
    add_file(host, "/etc/resolv.conf");
    host.network = good;
    change(host.network);
    auto made = make_plan(spec, host);
    return made ? std::pair{*std::move(made), std::string()} : std::pair{LaunchPlan{}, format_error(made.error())};
  };
  const auto [whole, none] = plan([](NetworkFacts&) {});
  REQUIRE(none.empty());
  const auto& network = std::get<PrivateNetwork>(whole.network);
  CHECK(network.program == NatProgram::pasta);
  CHECK(network.path == "/usr/bin/pasta");
  CHECK((network.ipv4 && network.ipv6));
  CHECK(find<MakeFile>(whole, "/etc/resolv.conf").content == "nameserver 10.0.2.3\n");
  const auto [other, also_none] = plan([](NetworkFacts& facts) { facts.pasta.clear(), facts.ipv6_route = false; });
  REQUIRE(also_none.empty());
  CHECK(std::get<PrivateNetwork>(other.network).program == NatProgram::slirp4netns);
  CHECK_FALSE(std::get<PrivateNetwork>(other.network).ipv6);
  const auto says = [&](auto change, const char* words) { return plan(change).second.find(words) != std::string::npos; };
  CHECK(says([](NetworkFacts& facts) { facts.pasta.clear(), facts.slirp4netns.clear(); }, "install pasta"));
  CHECK(says([](NetworkFacts& facts) { facts.tun_errno = ENOENT; }, "modprobe tun"));
  CHECK(says([](NetworkFacts& facts) { facts.tun_errno = EACCES; }, "chmod 0666 /dev/net/tun"));
  CHECK(says([](NetworkFacts& facts) { facts.ipv4_route = facts.ipv6_route = false; }, "test.toml:7"));
  spec.network.publish = {*parse_publish("8080:80")};
  CHECK(says([](NetworkFacts& facts) { facts.pasta.clear(); }, "publishes no ports"));
}

TEST_CASE("a network that contradicts itself is refused", "[network][spec]") {
  const auto refused = [](auto change) {
    auto spec = plain_spec();
    spec.seccomp.allow = {"@system-service"};
    change(spec);
    const auto result = validate_spec(spec);
    return result ? std::string() : format_error(result.error());
  };
  const auto says = [](const std::string& text, const char* words) { return text.find(words) != std::string::npos; };
  const auto mode = [](NetworkMode wanted) { return [wanted](SandboxSpec& spec) { spec.network.mode = wanted; }; };
  CHECK(refused(mode(NetworkMode::private_nat)).empty());
  CHECK(refused(mode(NetworkMode::filtered)).empty());
  CHECK(says(refused([](SandboxSpec& spec) { spec.network.publish.push_back(*parse_publish("1:2")); }), "network.publish means nothing"));
  CHECK(says(refused([](SandboxSpec& spec) { spec.network.allow.push_back({"a", "x:1"}); }), "x:1: network.allow means nothing"));
  for (const auto wanted : {NetworkMode::private_nat, NetworkMode::filtered}) {
    CHECK(says(refused([&](SandboxSpec& spec) { mode(wanted)(spec), spec.namespaces.net = false; }), "namespaces.net is false"));
    CHECK(says(refused([&](SandboxSpec& spec) { mode(wanted)(spec), spec.namespaces.user = false; }), "namespaces.user is false"));
    CHECK(says(refused([&](SandboxSpec& spec) { mode(wanted)(spec), spec.capabilities = {"CAP_NET_RAW"}; }), "CAP_NET_RAW"));
  }
}
