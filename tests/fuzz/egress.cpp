// What a sandbox sends to the network helper, and what the user writes: DNS questions, first bytes, proxy requests, rules.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "egress/dns_message.h"
#include "egress/helper_words.h"
#include "egress/proxy_request.h"
#include "egress/rules.h"
#include "egress/sniff.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sbx;
  const std::span bytes(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto question = read_dns_question(bytes);
  if (question.outcome != ReadQuestion::Outcome::drop) {
    const DnsAddress one{address_v6(reinterpret_cast<const std::uint8_t*>("0123456789abcdef")), 60};
    const auto answer = write_dns_answer(question.question, question.code, {&one, 1}, dns_udp_least);
    require(answer.size() <= dns_udp_least && answer.size() >= 12 && (answer[2] & 0x80U) != 0);
    // An answer is no question: two servers can't keep each other busy.
    require(read_dns_question(answer).outcome == ReadQuestion::Outcome::drop);
  }
  const auto sniffed = sniff(bytes);
  require(sniffed.name == normalize_name(sniffed.name));
  require(sniffed.kind != Sniffed::Kind::more || size < most_sniffed);
  for (const bool greeted : {false, true}) {
    const auto request = read_proxy_request(bytes, greeted);
    require(request.consumed <= size);
    require(request.kind != ProxyRequest::Kind::connect || request.port != 0);
  }
  if (const auto rule = parse_rule(text)) require(parse_rule(format_rule(*rule)) == *rule);
  static_cast<void>(parse_helper_request(text));
  static_cast<void>(parse_helper_answer(text));
  return 0;
}
