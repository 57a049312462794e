// What a filtered network lets out: rules, names, addresses, messages, first bytes.
#include <algorithm>
#include <string>

#include "base/text.h"
#include "catch.h"
#include "egress/answers.h"
#include "egress/dns_message.h"
#include "egress/group_text.h"
#include "egress/helper_words.h"
#include "egress/proxy_request.h"
#include "egress/rules.h"
#include "egress/sniff.h"
#include "egress/verdict.h"

using namespace sbx;

namespace {

NetRules rules(std::initializer_list<const char*> allow, std::initializer_list<const char*> deny = {}) {
  NetRules out;
  for (const char* text : allow) out.allow.push_back(parse_rule(text).value());
  for (const char* text : deny) out.deny.push_back(parse_rule(text).value());
  return out;
}

std::span<const std::uint8_t> bytes_of(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
Sniffed sniff_text(const std::string& text) { return sniff(bytes_of(text)); }
IpAddress address(const char* text) { return parse_address(text).value(); }

std::string number(std::size_t value, int size) {
  std::string out;
  for (int at = size - 1; at >= 0; --at) out += static_cast<char>(value >> (8 * at));
  return out;
}
std::string sized(const std::string& text, int size) { return number(text.size(), size) + text; }
std::string extension(int type, const std::string& body) { return number(static_cast<std::size_t>(type), 2) + sized(body, 2); }
std::string server_name(const std::string& name) { return extension(0, sized('\0' + sized(name, 2), 2)); }
std::string hello(const std::string& extensions) {
  return '\1' + sized("\3\3" + std::string(32, 'r') + sized("", 1) + sized("\x13\x01", 2) + sized(std::string(1, '\0'), 1) + sized(extensions, 2), 3);
}
std::string record(const std::string& body) { return "\x16\3\1" + sized(body, 2); }

std::string question(const std::string& name, std::uint16_t type, const std::string& rest = "", int additional = 0) {
  std::string wire;
  for (const auto label : split(name, '.')) wire += sized(std::string(label), 1);
  return "\x12\x34\1" + std::string(1, '\0') + number(1, 2) + number(0, 4) + number(static_cast<std::size_t>(additional), 2) + wire + '\0' + number(type, 2) + number(1, 2) + rest;
}

}  // namespace

TEST_CASE("rules are read and written back") {
  const auto& [text, canonical] = GENERATE(table<const char*, const char*>({
      {"www.example.org", "www.example.org"},
      {"WWW.Example.ORG.:443", "www.example.org:443"},
      {"*.example.net", "*.example.net"},
      {"*", "*"},
      {"*:443", "*:443"},
      {"tcp/host:80-90", "host:80-90"},
      {"udp/host:443", "udp/host:443"},
      {"192.0.2.1", "192.0.2.1"},
      {"192.0.2.0/24:443", "192.0.2.0/24:443"},
      {"2001:db8::1", "[2001:db8::1]"},
      {"2001:db8::/32", "[2001:db8::]/32"},
      {"[2001:db8::1]:443", "[2001:db8::1]:443"},
      {"[2001:db8::/32]:443", "[2001:db8::]/32:443"},
      {"[2001:db8::]/32:443", "[2001:db8::]/32:443"},
      {"::ffff:192.0.2.1", nullptr},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"_sip.example.org:5060", "_sip.example.org:5060"},
  }));
  INFO(text);
  const auto rule = parse_rule(text);
  if (canonical == nullptr) return;
  REQUIRE(rule);
  CHECK(format_rule(*rule) == canonical);
  CHECK(parse_rule(format_rule(*rule)) == rule);
}

TEST_CASE("what is no rule is refused, with a reason") {
  const auto* text = GENERATE("", "udp/", "udp/host", "host:0", "host:65536", "host:90-80", "host:", "host:443x", "https://host/", "a..b", ".a", "*.*.a", "a.*",
                              "**", "b\xc3\xbc" "cher.example", "127.1", "1.2.3", "0x7f000001", "[::1", "[::1]x", "192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129",
                              "host/24", "ho st", "host@x", "[host]:1");
  INFO(text);
  const auto rule = parse_rule(text);
  REQUIRE_FALSE(rule);
  CHECK_FALSE(rule.error().what.empty());
}

TEST_CASE("a name is covered as written, below a domain, or not at all; deny wins") {
  const auto some = rules({"*.good.test:443", "one.test", "udp/one.test:53"}, {"bad.good.test", "one.test:25"});
  CHECK(name_may_connect(some, Protocol::tcp, "www.good.test", 443));
  CHECK(name_may_connect(some, Protocol::tcp, "a.b.good.test", 443));
  CHECK_FALSE(name_may_connect(some, Protocol::tcp, "www.good.test", 80));
  CHECK_FALSE(name_may_connect(some, Protocol::tcp, "good.test", 443));
  CHECK_FALSE(name_may_connect(some, Protocol::tcp, "notgood.test", 443));
  CHECK_FALSE(name_may_connect(some, Protocol::tcp, "bad.good.test", 443));
  CHECK(name_may_connect(some, Protocol::tcp, "one.test", 1));
  CHECK_FALSE(name_may_connect(some, Protocol::tcp, "one.test", 25));
  CHECK_FALSE(name_may_connect(some, Protocol::udp, "one.test", 54));
  CHECK(name_may_connect(some, Protocol::udp, "one.test", 53));
  CHECK(name_may_resolve(some, "one.test"));
  CHECK_FALSE(name_may_resolve(some, "bad.good.test"));
  CHECK_FALSE(name_may_resolve(some, "other.test"));
}

TEST_CASE("inner addresses are known in each of their forms") {
  for (const char* text : {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "::1",
                           "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::1"}) {
    INFO(text);
    CHECK(is_inner_address(address(text)));
  }
  for (const char* text : {"192.0.2.1", "198.51.100.1", "93.184.216.34", "2001:db8::1", "2606:4700::1", "172.32.0.1", "64:ff9b::c000:201", "2002:c000:201::"}) {
    INFO(text);
    CHECK_FALSE(is_inner_address(address(text)));
  }
  const auto some = rules({"www.good.test", "10.0.0.0/8:443"});
  CHECK(address_may_be_answered(some, address("10.9.9.9")));
  CHECK_FALSE(address_may_be_answered(some, address("192.168.0.1")));
}

TEST_CASE("a connection passes by a living answer for an allowed name, and no longer") {
  const auto some = rules({"www.good.test:443", "192.0.2.99"}, {"192.0.2.13"});
  Answers answers;
  const auto now = Answers::Clock::now();
  REQUIRE(answers.add(address("192.0.2.10"), "www.good.test", 1, now));
  REQUIRE(answers.add(address("192.0.2.13"), "www.good.test", 60, now));
  const auto judge = [&](const char* to, std::uint16_t port, Answers::Clock::time_point when) { return judge_connection(some, answers, Protocol::tcp, address(to), port, when); };
  CHECK(judge("192.0.2.10", 443, now).allowed);
  CHECK_FALSE(judge("192.0.2.10", 80, now).allowed);
  CHECK_FALSE(judge("192.0.2.11", 443, now).allowed);
  CHECK_FALSE(judge("192.0.2.13", 443, now).allowed);
  CHECK(judge("192.0.2.99", 22, now).by_address);
  CHECK(judge("192.0.2.10", 443, now + Answers::least_life - std::chrono::seconds(1)).allowed);
  CHECK_FALSE(judge("192.0.2.10", 443, now + Answers::least_life).allowed);
  // Asked again, it lives anew; a shorter answer takes nothing away.
  REQUIRE(answers.add(address("192.0.2.13"), "www.good.test", 1, now));
  CHECK(answers.names(address("192.0.2.13"), now + std::chrono::seconds(59)).size() == 1);
}

TEST_CASE("the table of answers is bounded, and forgets the dead first") {
  Answers answers;
  const auto now = Answers::Clock::now();
  for (std::size_t i = 0; i < Answers::most_entries; ++i) REQUIRE(answers.add(address("192.0.2.10"), cat("n", i), 60, now));
  CHECK_FALSE(answers.add(address("192.0.2.10"), "one-more", 60, now));
  CHECK(answers.add(address("192.0.2.10"), "n5", 60, now));
  CHECK(answers.add(address("192.0.2.10"), "one-more", 60, now + std::chrono::seconds(61)));
  CHECK(answers.size() == 1);
}

TEST_CASE("a question is read, an answer written") {
  const auto read = read_dns_question(bytes_of(question("WwW.good.test", 1)));
  REQUIRE(read.outcome == ReadQuestion::Outcome::question);
  CHECK(read.question.name == "www.good.test");
  CHECK(read.question.udp_size == dns_udp_least);
  const DnsAddress one{address("192.0.2.10"), 77};
  const auto answer = write_dns_answer(read.question, DnsCode::ok, {&one, 1}, 512);
  const std::string text(answer.begin(), answer.end());
  CHECK(text.substr(0, 2) == "\x12\x34");
  CHECK(text.find("\3WwW") == 12);
  CHECK(text.ends_with(number(77, 4) + number(4, 2) + "\xc0" + std::string("\0", 1) + "\2\n"));
  const std::vector<DnsAddress> many(200, one);
  const auto cut = write_dns_answer(read.question, DnsCode::ok, many, 512);
  CHECK(cut.size() < 512);
  CHECK((cut[2] & 2) != 0);
  const auto edns = read_dns_question(bytes_of(question("a.test", 28, std::string(1, '\0') + number(41, 2) + number(4096, 2) + number(0, 6), 1)));
  REQUIRE(edns.outcome == ReadQuestion::Outcome::question);
  CHECK(edns.question.udp_size == dns_udp_most);
}

TEST_CASE("hostile questions are refused or dropped") {
  const auto outcome = [](const std::string& text) { return read_dns_question(bytes_of(text)).outcome; };
  const auto whole = question("www.good.test", 1);
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(outcome(whole.substr(0, size)) != ReadQuestion::Outcome::question);
  auto answer = whole;
  answer[2] = '\x81';
  CHECK(outcome(answer) == ReadQuestion::Outcome::drop);
  auto two = whole;
  two[5] = '\2';
  CHECK(outcome(two) == ReadQuestion::Outcome::answer_with_code);
  // A name that points to itself.
  CHECK(outcome(whole.substr(0, 12) + "\xc0\x0c" + number(1, 2) + number(1, 2)) == ReadQuestion::Outcome::answer_with_code);
  CHECK(read_dns_question(bytes_of(question("a b.test", 1))).question.name.empty());
}

TEST_CASE("a ClientHello gives its name, however it is cut") {
  const auto whole = hello(extension(10, "xy") + server_name("WWW.good.test"));
  CHECK(sniff_text(record(whole)).name == "www.good.test");
  CHECK(sniff_text(record(whole)).kind == Sniffed::Kind::tls);
  for (std::size_t size = 1; size < record(whole).size(); ++size) {
    INFO(size);
    CHECK(sniff_text(record(whole).substr(0, size)).kind == Sniffed::Kind::more);
  }
  std::string records;
  for (const char c : whole) records += record(std::string(1, c));
  CHECK(sniff_text(records).name == "www.good.test");
  CHECK(sniff_text(record(hello(""))).kind == Sniffed::Kind::tls);
  CHECK(sniff_text(record(hello(""))).name.empty());
  CHECK(sniff_text(record(hello(server_name("a.test") + server_name("b.test")))).kind == Sniffed::Kind::malformed);
  CHECK(sniff_text(record(hello(server_name("192.0.2.1")))).name.empty());
  CHECK(sniff_text(record("\2" + whole)).kind == Sniffed::Kind::malformed);
  CHECK(sniff_text(record("\1" + number(100000, 3))).kind == Sniffed::Kind::malformed);
}

TEST_CASE("an HTTP request gives its host") {
  using Kind = Sniffed::Kind;
  const auto& [text, kind, name] = GENERATE(table<std::string, Kind, const char*>({
      {"GET / HTTP/1.1\r\nHost: www.good.test\r\n\r\n", Kind::http, "www.good.test"},
      {"GET / HTTP/1.1\nhOsT:\twww.good.test:80 \n\n", Kind::http, "www.good.test"},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", Kind::http, "evil.test"},
      {"GET http://evil.test/ HTTP/1.1\r\nHost: www.good.test\r\n\r\n", Kind::malformed, ""},
      {"GET http://www.good.test/ HTTP/1.1\r\nHost: www.good.test\r\n\r\n", Kind::http, "www.good.test"},
      {"GET / HTTP/1.0\r\n\r\n", Kind::http, ""},
      {"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", Kind::malformed, ""},
      {"GET / HTTP/1.1\r\nHost: a.test\r\n folded\r\n\r\n", Kind::malformed, ""},
      {"GET / HTTP/1.1\r\nHost : a.test\r\n\r\n", Kind::malformed, ""},
      {"GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n", Kind::malformed, ""},
      {"GET / HTTP/1.1\r\nHost: a.test\r\n", Kind::more, ""},
      {"GET / HT", Kind::more, ""},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Kind::http2, ""},
      {"SSH-2.0-x\r\n", Kind::opaque, ""},
      {"EHLO there\r\n", Kind::opaque, ""},
      {std::string("\0\1\2", 3), Kind::opaque, ""},
      {"", Kind::more, ""},
      {std::string(40, 'A'), Kind::opaque, ""},
      {"GET /" + std::string(most_sniffed, 'a'), Kind::malformed, ""},
  }));
  INFO(text.substr(0, 60));
  const auto sniffed = sniff_text(text);
  CHECK(sniffed.kind == kind);
  CHECK(sniffed.name == name);
}

TEST_CASE("what the client says first is held against the names of its connection") {
  const std::vector<std::string> names = {"www.good.test"};
  using Kind = Sniffed::Kind;
  CHECK(judge_first_bytes({Kind::tls, "www.good.test", 0}, names, 443).empty());
  CHECK_FALSE(judge_first_bytes({Kind::tls, "evil.test", 0}, names, 443).empty());
  CHECK_FALSE(judge_first_bytes({Kind::tls, "", 0}, names, 443).empty());
  CHECK_FALSE(judge_first_bytes({Kind::http, "evil.test", 0}, names, 80).empty());
  CHECK_FALSE(judge_first_bytes({Kind::http2, "", 0}, names, 8080).empty());
  CHECK_FALSE(judge_first_bytes({Kind::opaque, "", 0}, names, 80).empty());
  CHECK(judge_first_bytes({Kind::opaque, "", 0}, names, 22).empty());
}

TEST_CASE("the launcher and the network helper understand each other") {
  const HelperRequest request{{"*.good.test:443"}, {"bad.good.test"}, true};
  CHECK(parse_helper_request(format_helper_request(request)) == request);
  CHECK_FALSE(parse_helper_request("[]"));
  CHECK_FALSE(parse_helper_request("{\"allow\":[1]}"));
  CHECK(parse_helper_answer(format_helper_answer({})));
  const Result<> failed = fail(Error{Step::landlock, ErrorKind::host, 13, "what", "hint"});
  CHECK(parse_helper_answer(format_helper_answer(failed)) == failed);
  CHECK_FALSE(parse_helper_answer("nonsense"));
}

TEST_CASE("rules are found in URLs") {
  const auto& [url, rule] = GENERATE(table<const char*, const char*>({
      {"https://www.example.test/simple/", "www.example.test:443"},
      {"HTTP://User:p@ss@Www.Example.Test:8080/x", "www.example.test:8080"},
      {"mirror+https://www.example.test/list", "www.example.test:443"},
      {"git@www.example.test:group/project.git", "www.example.test:22"},
      {"ssh://git@www.example.test:2222/x", "www.example.test:2222"},
      {"git://[2001:db8::1]/x", "[2001:db8::1]:9418"},
      {"socks5://127.0.0.1", "127.0.0.1:1080"},
      {"/srv/project:x", ""}, {"../a", ""}, {"file:///srv/x", ""}, {"cdrom://x/", ""}, {"https:///x", ""}, {"https://*/", ""}, {"https://a..b/", ""}, {"", ""},
  }));
  INFO(url);
  CHECK(rule_of_url(url).value_or("") == rule);
}

TEST_CASE("apt's sources give their hosts, and what is disabled doesn't") {
  CHECK(apt_list_urls("# deb https://no.test/ x main\ndeb [arch=amd64 signed-by=/x] https://a.test/debian x main\n deb-src http://b.test x\nnonsense https://c.test\n") ==
        std::vector<std::string>{"https://a.test/debian", "http://b.test"});
  CHECK(apt_deb822_urls("Types: deb\nURIs: https://a.test/x\n  http://b.test\nSuites: x\n\nEnabled: no\nURIs: https://c.test\n\n# URIs: https://d.test\nuris:https://e.test") ==
        std::vector<std::string>{"https://a.test/x", "http://b.test", "https://e.test"});
}

TEST_CASE("a file of rules is read, and its errors are placed") {
  CHECK(read_group_file("# mine\n\n www.Example.test:443  # why\n*.b.test\n", "f") == std::vector<std::string>{"www.example.test:443", "*.b.test"});
  const auto wrong = read_group_file("a.test\n  b..test\n", "f");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().what.starts_with("f:2:3: \"b..test\": "));
}

TEST_CASE("what is asked of the proxy is read") {
  using Kind = ProxyRequest::Kind;
  const auto read = [](const std::string& text, bool greeted = false) { return read_proxy_request(bytes_of(text), greeted); };
  CHECK(read(std::string("\5\1\0", 3)).kind == Kind::socks_greeting);
  CHECK(read("\5\1\2").kind == Kind::bad);  // with a password alone
  const auto socks = read(std::string("\5\1\0\3", 4) + sized("A.test", 1) + number(443, 2) + "rest", true);
  CHECK((socks.kind == Kind::socks && socks.name == "a.test" && socks.port == 443 && socks.consumed == 13));
  CHECK(read(std::string("\5\2\0\1abcdxx", 10), true).kind == Kind::bad);  // BIND
  const auto connect = read("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: x\r\n\r\nrest");
  CHECK((connect.kind == Kind::connect && connect.address == address("2001:db8::1") && connect.port == 443));
  CHECK(read("CONNECT a.test HTTP/1.1\r\n\r\n").kind == Kind::bad);
  CHECK(read("CONNECT a.test:443 HTTP/1.1\r\n").kind == Kind::more);
  const auto forward = read("GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\n\r\nbody");
  CHECK((forward.kind == Kind::forward && forward.name == "a.test" && forward.port == 80));
  CHECK(forward.head == "GET http://a.test/x HTTP/1.1\r\nConnection: close\r\nHost: a.test\r\n\r\n");
  CHECK(read("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").kind == Kind::bad);
}
