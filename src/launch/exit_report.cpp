#include "launch/exit_report.h"

namespace sbx {

int exit_status(const ExitReport& report) {
  constexpr int timed_out_status = 124;  // as timeout(1)
  constexpr int signal_base = 128;       // as sh(1)
  switch (report.ending) {
    case Ending::exited: return report.exit_code;
    case Ending::timed_out: return timed_out_status;
    case Ending::signalled:
    case Ending::out_of_memory: return signal_base + report.signal;
  }
  return signal_base;
}

}  // namespace sbx
