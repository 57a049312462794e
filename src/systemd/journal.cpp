#include "systemd/journal.h"

#include <dlfcn.h>
#include <malloc.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-journal.h>

#include <cerrno>

#include "base/fault.h"
#include "base/text.h"

namespace sbx {
namespace {

constexpr sockaddr_un journal_address = {AF_UNIX, "/run/systemd/journal/socket"};
constexpr timeval patience = {0, 200'000};  // for a journal that is behind

bool send_to_journal(int socket, std::string_view datagram, int flags) {
  return ::sendto(socket, datagram.data(), datagram.size(), flags | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&journal_address), sizeof journal_address) >= 0;
}

}  // namespace

void Journal::send(std::span<const JournalField> fields) {
  if (!socket_) socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_) return;
  const auto datagram = journal_datagram(fields);
  if (send_to_journal(socket_.get(), datagram, MSG_DONTWAIT) || errno != EAGAIN) return;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  send_to_journal(socket_.get(), datagram, 0);
}

Result<UniqueFd> open_journal_stream(const std::string& identifier, int priority) {
  SBX_TRY(check_fault(Step::open_journal));
  constexpr const char* remedy = "leave --log=journal out, or run it where systemd-journald does";
  // As bus_library.cpp does: opened when it is needed. Nothing of it stays: the descriptor is a plain socket.
  void* library = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(Step::open_journal, ErrorKind::host, "libsystemd.so.0 can't be loaded", remedy);
  const auto stream = reinterpret_cast<decltype(&::sd_journal_stream_fd)>(::dlsym(library, "sd_journal_stream_fd"));
  const int fd = stream != nullptr ? stream(identifier.c_str(), priority, 0) : -ENOSYS;
  ::dlclose(library);
  ::malloc_trim(0);
  if (fd < 0) return fail_errno(Step::open_journal, -fd, "no journal takes the command's output", remedy);
  return UniqueFd(fd);
}

}  // namespace sbx
