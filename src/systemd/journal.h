// systemd's journal: entries by its native protocol, and streams for a command's output.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sbx {

struct JournalField {
  std::string_view name;  // as systemd.journal-fields(7) has them: capitals, digits and _
  std::string value;
};

// One entry as a datagram of the native protocol (systemd's JOURNAL_NATIVE_PROTOCOL), whatever bytes the values hold.
std::string journal_datagram(std::span<const JournalField> fields);

// Where entries go. By the protocol, which is a documented interface, and not by libsystemd: each run writes two entries,
// and loading the library would cost more than all the rest of its start.
class Journal {
 public:
  // Where no journal runs, or none takes it in time, the entry is lost: a sandbox doesn't depend on it.
  void send(std::span<const JournalField> fields);

 private:
  UniqueFd socket_;
};

// A descriptor whose lines become entries of that SYSLOG_IDENTIFIER and priority (syslog(3)), by sd_journal_stream_fd(3).
// A line can't choose another priority for itself.
Result<UniqueFd> open_journal_stream(const std::string& identifier, int priority);

}  // namespace sbx
