// The helper's process between fork and exec.
#pragma once

namespace sbx {

struct HelperEnds {
  int channel;       // to the launcher: first the namespaces and the words of the command come, then the FIFO goes
  int words;         // its standard output and error
  int parent_pidfd;  // of the launcher
};
// Never returns.
[[noreturn]] void run_helper(const HelperEnds& ends);

}  // namespace sbx
