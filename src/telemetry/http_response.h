// One HTTP/1.1 request for /metrics, and its answer. Reads no descriptor: bytes come in, bytes go out. http_response.cpp is
// the only user of Boost.Beast.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "telemetry/openmetrics.h"

namespace sbx {

class HttpExchange {
 public:
  // Makes the text of the metrics, in the format that the reader prefers.
  using Render = std::function<std::string(MetricFormat)>;
  explicit HttpExchange(const Render& render);
  HttpExchange(HttpExchange&&) noexcept;
  HttpExchange& operator=(HttpExchange&&) noexcept;
  ~HttpExchange();
  // More of what the client sent. The whole answer, once there is one: the connection is to be closed after it. Headers of
  // more than 8 KiB, and bodies, are refused.
  std::optional<std::string> take(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sbx
