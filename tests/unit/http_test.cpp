#include "base/text.h"
#include "catch.h"
#include "telemetry/http_response.h"

using namespace sbx;

namespace {

std::string render(MetricFormat format) { return format == MetricFormat::openmetrics ? "open\n# EOF\n" : "plain\n"; }

// The answer to `request`, given byte by byte; "" where more is waited for.
std::string ask(std::string_view request) {
  HttpExchange exchange(render);
  for (const char c : request)
    if (auto answer = exchange.take({&c, 1})) return *answer;
  return "";
}
std::string status_of(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

}  // namespace

TEST_CASE("GET and HEAD of /metrics are answered", "[http]") {
  const auto plain = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(status_of(plain) == "HTTP/1.1 200 OK");
  CHECK(plain.find("text/plain; version=0.0.4") != std::string::npos);
  CHECK(plain.find("Connection: close\r\n") != std::string::npos);
  CHECK(plain.ends_with("\r\n\r\nplain\n"));
  const auto open = ask("GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n");
  CHECK(open.find("application/openmetrics-text; version=1.0.0; charset=utf-8\r\n") != std::string::npos);
  CHECK(open.ends_with("\r\n\r\nopen\n# EOF\n"));
  const auto head = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(status_of(head) == "HTTP/1.1 200 OK");
  CHECK(head.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(status_of(ask("GET /metrics HTTP/1.0\r\n\r\n")) == "HTTP/1.1 200 OK");
}

TEST_CASE("whatever else is asked is refused", "[http]") {
  CHECK(status_of(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n")) == "HTTP/1.1 404 Not Found");
  CHECK(status_of(ask("GET /metrics/../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n")) == "HTTP/1.1 404 Not Found");
  CHECK(status_of(ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")) == "HTTP/1.1 405 Method Not Allowed");
  CHECK(status_of(ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n")).find(" 405 ") != std::string::npos);
  CHECK(status_of(ask("no such thing\r\n\r\n")) == "HTTP/1.1 400 Bad Request");
  CHECK(status_of(ask(std::string("\x16\x03\x01\x02\x00\x01", 6))) == "HTTP/1.1 400 Bad Request");  // TLS
  CHECK(status_of(ask("GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n")).find(" 4") != std::string::npos);
}

TEST_CASE("a request is bounded", "[http]") {
  const std::string line(100, 'a');
  std::string request = "GET /metrics HTTP/1.1\r\n";
  for (int i = 0; i < 100; ++i) request += cat("X-", i, ": ", line, "\r\n");
  CHECK(status_of(ask(request)).find(" 431 ") != std::string::npos);
  CHECK(status_of(ask(cat("GET /", std::string(20000, 'a')))).find(" 4") != std::string::npos);
  CHECK(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n").empty());
  CHECK(ask("").empty());
}
