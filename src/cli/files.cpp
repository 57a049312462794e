#include "cli/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"

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

Result<UniqueFd> open_output_file(const std::string& path, int extra_flags) {
  // O_NONBLOCK: a fifo without a reader fails rather than waiting for one. O_NOFOLLOW: the directory may be one that a
  // command of an earlier run could write, and leave a symlink to the caller's own files in.
  constexpr int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
  UniqueFd file(::open(path.c_str(), flags | extra_flags, 0666));
  if (!file)
    return fail_errno(Step::write_report, errno, path,
                      errno == ELOOP   ? "remove the symbolic link; a descriptor is written as json:fd:N"
                      : errno == ENXIO ? "start the reader of the fifo first"
                                       : "name a file that can be written");
  ::fcntl(file.get(), F_SETFL, O_WRONLY | extra_flags);
  return file;
}

}  // namespace sbx
