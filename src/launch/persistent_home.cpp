#include "launch/persistent_home.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace sbx {

Result<> make_persistent_home(const std::string& home) {
  for (std::size_t at = home.find('/', 1); !home.empty(); at = home.find('/', at + 1)) {
    const std::string part = home.substr(0, at);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST)
      return fail_errno(Step::open_sources, errno, part, "make it, or set filesystem.home = \"private\"");
    if (at == std::string::npos) break;
  }
  // The user's own directory and nobody else's: what it leads to is bound writable.
  struct stat facts {};
  if (!home.empty() && (::lstat(home.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode) || facts.st_uid != ::geteuid()))
    return fail(Step::open_sources, ErrorKind::host, cat(home, " is no directory of this user"), "move it away, or set filesystem.home = \"private\"");
  return {};
}

}  // namespace sbx
