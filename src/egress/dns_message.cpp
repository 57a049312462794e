#include "egress/dns_message.h"

#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>

#include "egress/rules.h"

namespace sbx {
namespace {

constexpr std::size_t header_size = NS_HFIXEDSZ;

void put16(std::vector<std::uint8_t>& out, std::size_t number) {
  out.push_back(static_cast<std::uint8_t>(number >> 8U)), out.push_back(static_cast<std::uint8_t>(number));
}
void put32(std::vector<std::uint8_t>& out, std::uint32_t number) { put16(out, number >> 16U), put16(out, number & 0xffffU); }

// The question's end; 0 where its name is compressed (there is nothing before it to point to) or isn't whole.
std::size_t question_end(std::span<const std::uint8_t> message) {
  std::size_t at = header_size;
  while (at < message.size() && message[at] != 0) {
    if (message[at] > NS_MAXLABEL) return 0;
    at += 1U + message[at];
  }
  return at + 1 + NS_QFIXEDSZ <= message.size() ? at + 1 + NS_QFIXEDSZ : 0;
}

}  // namespace

ReadQuestion read_dns_question(std::span<const std::uint8_t> message) {
  using Outcome = ReadQuestion::Outcome;
  ReadQuestion out;
  DnsQuestion& question = out.question;
  // An answer is never answered, or two servers could keep each other busy.
  if (message.size() < header_size || (message[2] & 0x80U) != 0) return out;
  question.id = static_cast<std::uint16_t>(message[0] << 8U | message[1]);
  question.recursion_desired = (message[2] & 0x01U) != 0;
  question.checking_disabled = (message[3] & 0x10U) != 0;
  out.outcome = Outcome::answer_with_code;
  if ((message[2] & 0x78U) != 0) {
    out.code = DnsCode::not_implemented;
    return out;
  }
  out.code = DnsCode::format_error;
  ns_msg handle;
  ns_rr record;
  const std::size_t end = question_end(message);
  if (end == 0 || ::ns_initparse(message.data(), static_cast<int>(message.size()), &handle) != 0) return out;
  if (ns_msg_count(handle, ns_s_qd) != 1 || ns_msg_count(handle, ns_s_an) != 0 || ns_msg_count(handle, ns_s_ns) != 0) return out;
  if (::ns_parserr(&handle, ns_s_qd, 0, &record) != 0) return out;
  question.name = normalize_name(ns_rr_name(record));
  question.type = static_cast<std::uint16_t>(ns_rr_type(record)), question.cls = static_cast<std::uint16_t>(ns_rr_class(record));
  question.wire.assign(message.begin() + header_size, message.begin() + static_cast<std::ptrdiff_t>(end));
  for (int at = 0; at < ns_msg_count(handle, ns_s_ar); ++at) {
    if (::ns_parserr(&handle, ns_s_ar, at, &record) != 0) return out;
    if (ns_rr_type(record) != ns_t_opt) continue;
    question.edns = true;
    question.udp_size = std::clamp(static_cast<std::size_t>(ns_rr_class(record)), dns_udp_least, dns_udp_most);
  }
  out.outcome = Outcome::question;
  out.code = DnsCode::ok;
  return out;
}

std::vector<std::uint8_t> write_dns_answer(const DnsQuestion& question, DnsCode code, std::span<const DnsAddress> addresses, std::size_t limit) {
  constexpr std::size_t v4_size = 2 + 10 + 4, v6_size = 2 + 10 + 16, opt_size = 11;
  std::size_t size = header_size + question.wire.size() + (question.edns ? opt_size : 0);
  for (const DnsAddress& one : addresses) size += one.address.is_v4() ? v4_size : v6_size;
  const bool truncated = size > limit;
  if (truncated) addresses = {};

  std::vector<std::uint8_t> out;
  put16(out, question.id);
  out.push_back(static_cast<std::uint8_t>(0x80U | (truncated ? 0x02U : 0U) | (question.recursion_desired ? 0x01U : 0U)));
  out.push_back(static_cast<std::uint8_t>(0x80U | (question.checking_disabled ? 0x10U : 0U) | static_cast<unsigned>(code)));
  put16(out, question.wire.empty() ? 0 : 1);
  put16(out, addresses.size());
  put16(out, 0);
  put16(out, question.edns ? 1 : 0);
  out.insert(out.end(), question.wire.begin(), question.wire.end());
  for (const DnsAddress& one : addresses) {
    const bool v4 = one.address.is_v4();
    put16(out, 0xc000U | header_size);  // the name is the question's
    put16(out, v4 ? ns_t_a : ns_t_aaaa);
    put16(out, ns_c_in);
    put32(out, one.ttl);
    put16(out, v4 ? 4 : 16);
    out.insert(out.end(), one.address.bytes.begin() + (v4 ? 12 : 0), one.address.bytes.end());
  }
  if (question.edns) {
    out.push_back(0);  // the root's name
    put16(out, ns_t_opt);
    put16(out, dns_udp_most);
    put32(out, 0);
    put16(out, 0);
  }
  return out;
}

}  // namespace sbx
