// Result<T>: a value, or the one Error that is printed once, on one line, with its cause and its way out.
#pragma once
#include <expected>
#include <string>
#include <utility>

#include "base/step.h"

namespace sbx {

// What kind of failure it is decides the exit status: not_executable 126, not_found 127, all others 125.
enum class ErrorKind : std::uint8_t {
  usage,           // the command line is wrong
  profile,         // a profile is wrong
  unsupported,     // asked for, known, and not built yet: refused rather than ignored
  host,            // the host lacks or forbids something
  system,          // a system call failed
  service_manager, // systemd or its bus
  not_executable,  // the command can't be executed
  not_found,       // there is no such command
  internal,        // a fault of sbx itself
};

struct Error {
  Step step = Step::parse_options;
  ErrorKind kind = ErrorKind::internal;
  int errno_value = 0;    // 0: no errno belongs to it
  std::string what;       // the cause; names the path, key or option at fault; no final full stop
  std::string hint = {};  // the way out, an imperative sentence without a full stop; empty where there is none

  bool operator==(const Error&) const = default;
};

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }
inline std::unexpected<Error> fail(Step step, ErrorKind kind, std::string what, std::string hint = {}) {
  return fail(Error{step, kind, 0, std::move(what), std::move(hint)});
}
inline std::unexpected<Error> fail_errno(Step step, int errno_value, std::string what, std::string hint = {}) {
  return fail(Error{step, ErrorKind::system, errno_value, std::move(what), std::move(hint)});
}

// The error as its one line, without the leading "sbx: ": step, cause, errno's meaning, way out. Control
// characters that came from input are escaped.
std::string format_error(const Error& error);
// 125, 126 or 127.
int exit_status(const Error& error);

}  // namespace sbx

// Returns the error of `expression` from the enclosing function, or goes on.
#define SBX_TRY(expression)                                                                 \
  do {                                                                                      \
    if (auto sbx_try_result = (expression); !sbx_try_result)                                \
      return std::unexpected<::sbx::Error>(std::move(sbx_try_result).error());              \
  } while (0)
#define SBX_CONCAT_(a, b) a##b
#define SBX_CONCAT(a, b) SBX_CONCAT_(a, b)
// SBX_ASSIGN(auto x, f()): declares x from the value, or returns the error.
#define SBX_ASSIGN(declaration, expression) SBX_ASSIGN_(declaration, expression, SBX_CONCAT(sbx_result_, __LINE__))
#define SBX_ASSIGN_(declaration, expression, temporary)                          \
  auto temporary = (expression);                                                 \
  if (!temporary) return std::unexpected<::sbx::Error>(std::move(temporary).error()); \
  declaration = *std::move(temporary)
