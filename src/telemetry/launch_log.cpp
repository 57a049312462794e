#include "telemetry/launch_log.h"

namespace sbx {

Companion LaunchLog::companion() {
  Companion companion;
  companion.started = [this](const StartedSandbox& sandbox) { journal_.send(started_entry(labels_, sandbox)); };
  companion.ended = [this](const ExitReport& report) { journal_.send(ended_entry(labels_, report)); };
  return companion;
}

void LaunchLog::failed(const Error& error) { journal_.send(failed_entry(labels_, error)); }

}  // namespace sbx
