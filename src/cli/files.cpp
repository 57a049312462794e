#include "cli/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "base/unique_fd.h"

namespace sbx {

Result<std::string> read_small_file(const std::string& path) {
  static constexpr std::size_t limit = 1U << 20U;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return fail_errno(Step::parse_options, errno, path);
  std::string text;
  std::array<char, 16384> buffer;
  while (true) {
    const auto size = ::read(file.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(Step::parse_options, errno, path);
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
    if (text.size() > limit) return fail(Step::parse_options, ErrorKind::usage, cat(path, " is larger than 1 MiB"));
  }
}

}  // namespace sbx
