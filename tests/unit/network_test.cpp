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
