// The directory that holds one file a running sandbox of the caller's: who is there, and what a crash left behind.
//
// The first of runtime_directories() that can be had: the caller's own, mode 0700, no symbolic link. No sandbox shows it.
//
//   ID.json           SandboxEntry, written whole before the payload starts, gone after
//   ID.details.json   SandboxDetails, some milliseconds later
//
// While it lives the launcher holds a record lock on ID.json (F_SETLK, fcntl_locking(2)): the kernel drops it with the
// process, and tells whoever asks (F_GETLK) the holder's pid. A file that was forged or left behind has no holder.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "state/entry.h"

namespace sbx {

// One ID.json, as read; nothing is held against the kernel yet but the lock.
struct RegistryFile {
  std::string id;              // by the file's name
  UniqueFd fd;                 // of ID.json
  std::int64_t holder = 0;     // the process that holds the lock; 0: nobody. -1: one that this pid namespace doesn't show
  std::optional<SandboxEntry> entry;  // absent: not whole
  std::string fault;           // why
};

class Registry {
 public:
  // Makes the directory where it is absent. The error says what is missing and the way out.
  static Result<Registry> open();
  int fd() const { return directory_.get(); }
  const std::string& path() const { return path_; }

  // The ids that have a file, sorted.
  std::vector<std::string> ids() const;
  // Nothing: there is no such file any more. Never to be called by a launcher for its own: closing the descriptor of a
  // file drops all record locks of the process on it (fcntl_locking(2)).
  std::optional<RegistryFile> read(const std::string& id) const;
  // Removes what was left behind: a file that nobody holds, and whose init is gone. At most `at_most` files are looked
  // at, from a place that differs from call to call. `but` is passed over.
  void sweep(std::size_t at_most, std::string_view but = {}) const;
  // True where the file was one that is left behind; it is gone then.
  bool sweep(const RegistryFile& file) const;
  void remove(const std::string& id) const;
  // Writes `name` whole: beside, then renamed. With `hold` the result is the descriptor that holds the lock.
  Result<UniqueFd> write(const std::string& name, std::string_view text, bool hold) const;
  // At most `limit` bytes of a regular file of the caller's own; nothing where there is no such.
  std::optional<std::string> read_file(const std::string& name, std::size_t limit) const;
  // The lock under which names are handed out and the history is written (flock(2) on the directory). It goes with the
  // descriptor. Waits for at most `patience`.
  Result<UniqueFd> lock(std::chrono::milliseconds patience) const;

 private:
  UniqueFd directory_;
  std::string path_;
};

// This boot's id, and the pid namespace of the caller: pids of another one mean other processes.
const std::string& boot_id();
std::uint64_t own_pid_namespace();

}  // namespace sbx
