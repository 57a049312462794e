#include "telemetry/http_response.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

#include "sbx_config.h"

namespace sbx {
namespace {

namespace http = boost::beast::http;
using Response = http::response<http::string_body>;

constexpr std::uint32_t header_limit = 8192;

std::string bytes_of(Response& response, bool head) {
  response.version(11);
  response.set(http::field::server, "sbx/" SBX_VERSION);
  response.keep_alive(false);
  response.prepare_payload();
  http::response_serializer<http::string_body> serializer(response);
  serializer.split(head);  // HEAD is told of the body's length alone
  std::string out;
  boost::system::error_code error;
  while (!(head ? serializer.is_header_done() : serializer.is_done()) && !error) {
    serializer.next(error, [&](boost::system::error_code&, const auto& buffers) {
      for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers); ++at)
        out.append(static_cast<const char*>(boost::asio::const_buffer(*at).data()), boost::asio::const_buffer(*at).size());
      serializer.consume(boost::asio::buffer_size(buffers));
    });
  }
  return out;
}

Response refusal(http::status status) {
  Response response(status, 11);
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.body() = std::string(http::obsolete_reason(status)) + "\n";
  if (status == http::status::method_not_allowed) response.set(http::field::allow, "GET, HEAD");
  return response;
}

}  // namespace

struct HttpExchange::State {
  explicit State(Render render_) : render(std::move(render_)) {
    parser.header_limit(header_limit);
    parser.body_limit(0);
  }
  Render render;
  std::string pending;
  http::request_parser<http::empty_body> parser;

  std::string answer() {
    const auto& request = parser.get();
    const bool head = request.method() == http::verb::head;
    if (!head && request.method() != http::verb::get) return refuse(http::status::method_not_allowed);
    const auto target = request.target().substr(0, request.target().find('?'));
    if (target != "/metrics") return refuse(http::status::not_found, head);
    const auto accept = request[http::field::accept];
    const auto format = negotiate_format({accept.data(), accept.size()});
    Response response(http::status::ok, 11);
    const auto type = content_type(format);
    response.set(http::field::content_type, boost::beast::string_view(type.data(), type.size()));
    response.set(http::field::vary, "Accept");
    response.body() = render(format);
    return bytes_of(response, head);
  }
  static std::string refuse(http::status status, bool head = false) {
    auto response = refusal(status);
    return bytes_of(response, head);
  }
};

HttpExchange::HttpExchange(const Render& render) : state_(std::make_unique<State>(render)) {}
HttpExchange::HttpExchange(HttpExchange&&) noexcept = default;
HttpExchange& HttpExchange::operator=(HttpExchange&&) noexcept = default;
HttpExchange::~HttpExchange() = default;

std::optional<std::string> HttpExchange::take(std::string_view bytes) {
  auto& state = *state_;
  state.pending += bytes;
  boost::system::error_code error;
  const auto used = state.parser.put(boost::asio::buffer(state.pending), error);
  state.pending.erase(0, used);
  if (state.parser.is_header_done() && !error) return state.answer();
  if (error == http::error::need_more) {
    if (state.pending.size() <= header_limit) return std::nullopt;
    error = http::error::header_limit;
  }
  if (!error) return std::nullopt;
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return State::refuse(http::status::request_header_fields_too_large);
  return State::refuse(error == http::error::body_limit ? http::status::payload_too_large : http::status::bad_request);
}

}  // namespace sbx
