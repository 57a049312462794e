// What the journal is told of a sandbox: that it started, how it ended, or at which Step it failed. catalog/ explains each.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "launch/companion.h"
#include "launch/exit_report.h"
#include "systemd/journal.h"
#include "telemetry/labels.h"

namespace sbx {

// Pure.
std::vector<JournalField> started_entry(const SandboxLabels& labels, const StartedSandbox& sandbox);
std::vector<JournalField> ended_entry(const SandboxLabels& labels, const ExitReport& report);
std::vector<JournalField> failed_entry(const SandboxLabels& labels, const Error& error);
// SHA-256 of the receipt's lines, by which a report that was kept can be held against the journal; empty without one.
std::string receipt_digest(const std::vector<ReceiptItem>& receipt);

class LaunchLog {
 public:
  explicit LaunchLog(SandboxLabels labels) : labels_(std::move(labels)) {}
  // Told after the payload's start and after its end: the start waits for no journal. Must not outlive this object.
  Companion companion();
  // The launch failed: `started` wasn't told of.
  void failed(const Error& error);

 private:
  SandboxLabels labels_;
  Journal journal_;
};

}  // namespace sbx
