#include "filter/cache.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "base/unique_fd.h"
#include "filter/sha256.h"

namespace sbx {
namespace {

// A kept filter: this line, the digest of its policy, the digest of its BPF, each with a newline; then the BPF. The
// policy's digest stands inside as well, or a genuine file under another's name would pass.
constexpr std::string_view magic = "sbx-filter 1\n";
constexpr std::size_t digest_length = 64;
constexpr std::size_t head_length = magic.size() + 2 * (digest_length + 1);
constexpr std::size_t largest_file = head_length + BPF_MAXINSNS * sizeof(sock_filter);

std::string head_of(std::string_view policy_digest, std::string_view bpf_digest) {
  return cat(magic, policy_digest, "\n", bpf_digest, "\n");
}

// Ours or root's, and nobody else can change it. In a user namespace that lacks root, root's files belong to the
// overflow uid and are refused: then the filter is compiled.
bool is_trusted(int fd, mode_t kind) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return false;
  return (status.st_mode & S_IFMT) == kind && (status.st_uid == 0 || status.st_uid == ::geteuid()) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

UniqueFd open_directory(const std::string& path) {
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory && !is_trusted(directory.get(), S_IFDIR)) directory.reset();
  return directory;
}

std::string read_whole(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || status.st_size < 0 || static_cast<std::size_t>(status.st_size) > largest_file) return {};
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t length = 0;
  while (length < content.size()) {
    const auto got = ::read(fd, content.data() + length, content.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  content.resize(length);
  return content;
}

// Empty: no such file, or one that isn't to be trusted.
std::vector<std::uint8_t> load(const std::string& path, const std::string& digest) {
  const auto directory = open_directory(path);
  if (!directory) return {};
  // O_NONBLOCK: a FIFO of that name must not stop us.
  const UniqueFd file(
      ::openat(directory.get(), cat(digest, ".bpf").c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file || !is_trusted(file.get(), S_IFREG)) return {};
  const auto content = read_whole(file.get());
  if (content.size() <= head_length) return {};
  const auto bpf = std::string_view(content).substr(head_length);
  if (bpf.size() % sizeof(sock_filter) != 0 || !content.starts_with(head_of(digest, sha256_hex(bpf)))) return {};
  return {bpf.begin(), bpf.end()};
}

bool write_whole(int fd, std::string_view content) {
  while (!content.empty()) {
    const auto written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void make_directories(const std::string& path) {
  for (auto at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    ::mkdir(path.substr(0, at).c_str(), 0700);
  ::mkdir(path.c_str(), 0700);
}

// Writes beside and renames, so that a reader sees all of it or nothing. Failure is silent: the next launch compiles.
void keep(const std::string& path, const CompiledFilter& filter) {
  make_directories(path);
  const auto directory = open_directory(path);
  std::uint64_t random = 0;
  if (!directory || ::getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random) return;
  const auto temporary = cat(".", filter.digest, ".", random);
  const UniqueFd file(
      ::openat(directory.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return;
  const std::string_view bpf(reinterpret_cast<const char*>(filter.bpf.data()), filter.bpf.size());
  const bool whole = ::fchmod(file.get(), 0644) == 0 &&
                     write_whole(file.get(), head_of(filter.digest, sha256_hex(bpf))) && write_whole(file.get(), bpf);
  const auto name = cat(filter.digest, ".bpf");
  if (!whole || ::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) != 0)
    ::unlinkat(directory.get(), temporary.c_str(), 0);
}

}  // namespace

void keep_filter(const std::string& directory, const CompiledFilter& filter) { keep(directory, filter); }

Result<CompiledFilter> load_or_compile_filter(const SeccompSpec& spec, bool allow_user_namespaces,
                                              const std::vector<std::string>& directories) {
  CompiledFilter filter;
  SBX_ASSIGN(filter.digest, filter_digest(spec, allow_user_namespaces));
  for (const auto& directory : directories) {
    filter.bpf = load(directory, filter.digest);
    if (!filter.bpf.empty()) return filter;
  }
  SBX_ASSIGN(filter, compile_filter(spec, allow_user_namespaces));
  if (!directories.empty() && !directories.back().empty()) keep(directories.back(), filter);
  return filter;
}

}  // namespace sbx
