// An ExitReport for people and for programs.
#pragma once
#include "launch/exit_report.h"

namespace sbx {
std::string report_text(const ExitReport& report);
std::string report_json(const ExitReport& report);
// One line in words for an ending that needs one (out of memory: limit, peak, key to raise; wall time), else empty.
std::string ending_in_words(const ExitReport& report);
}  // namespace sbx
