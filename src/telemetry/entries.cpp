#include "base/text.h"
#include "filter/sha256.h"
#include "launch/report.h"
#include "telemetry/launch_log.h"

namespace sbx {
namespace {

// catalog/sbx.catalog has them too.
constexpr std::string_view started_id = "5bd228c50df84f15892d2358dce45447";
constexpr std::string_view ended_id = "0eadecbedf9147da8521fbd939f56805";
constexpr std::string_view failed_id = "1e4717d3236c41378657bce548475216";
// syslog(3)
constexpr std::string_view warning = "4", info = "6";

std::vector<JournalField> entry(const SandboxLabels& labels, std::string_view id, std::string_view priority,
                                std::string message, const std::string& scope) {
  std::vector<JournalField> fields = {{"MESSAGE", std::move(message)},
                                      {"MESSAGE_ID", std::string(id)},
                                      {"PRIORITY", std::string(priority)},
                                      {"SYSLOG_IDENTIFIER", "sbx"},
                                      {"SBX_ID", labels.id},
                                      {"SBX_NAME", labels.name},
                                      {"SBX_PROFILE", labels.profile},
                                      {"SBX_COMMAND", labels.command}};
  // As a manager writes of its units: journalctl -u and --user-unit show it with the scope's own (journal-fields(7)).
  if (!scope.empty()) fields.push_back({labels.system_manager ? "UNIT" : "USER_UNIT", scope});
  return fields;
}

void add_receipt(std::vector<JournalField>& fields, const ExitReport& report) {
  if (!report.receipt.empty()) fields.push_back({"SBX_RECEIPT", receipt_digest(report.receipt)});
}

}  // namespace

std::string receipt_digest(const std::vector<ReceiptItem>& receipt) {
  if (receipt.empty()) return {};
  std::string text;
  for (const auto& item : receipt)
    text += cat(item.protection, "\t", item.asked, "\t", item.found, "\t", item.enforced ? "enforced" : "missing", "\n");
  return sha256_hex(text);
}

std::vector<JournalField> started_entry(const SandboxLabels& labels, const StartedSandbox& sandbox) {
  const auto& report = sandbox.report;
  auto fields = entry(labels, started_id, info,
                      cat("Sandbox ", labels.name, " started: ", escape_control(labels.command), " under the profile ",
                          labels.profile),
                      report.scope);
  fields.push_back({"SBX_SETUP_USEC", std::to_string(sandbox.setup_time_us)});
  for (const auto& loss : report.losses) fields.push_back({"SBX_LOST", loss.protection});
  add_receipt(fields, report);
  return fields;
}

std::vector<JournalField> ended_entry(const SandboxLabels& labels, const ExitReport& report) {
  const auto& cgroup = report.cgroup;
  const bool out_of_memory = report.ending == Ending::out_of_memory || cgroup.oom_kills.value_or(0) > 0;
  const auto words = ending_in_words(report);
  auto fields = entry(labels, ended_id, words.empty() ? info : warning,
                      cat("Sandbox ", labels.name, " ", how_it_ended(report), words.empty() ? "" : ": ", words), report.scope);
  const auto add = [&](std::string_view name, std::uint64_t value) { fields.push_back({name, std::to_string(value)}); };
  fields.push_back({"SBX_ENDING", std::string(ending_name(report.ending))});
  add("SBX_EXIT", static_cast<std::uint64_t>(exit_status(report)));
  if (report.signal != 0) add("SBX_SIGNAL", static_cast<std::uint64_t>(report.signal));
  add("SBX_OOM", out_of_memory ? 1 : 0);
  add("SBX_WALL_USEC", report.wall_time_us);
  // The cgroup's, which counts every process, where there was one.
  add("SBX_CPU_USEC", cgroup.cpu_usage_us.value_or(report.user_time_us + report.system_time_us));
  add("SBX_MEMORY_PEAK", cgroup.memory_peak.value_or(report.max_rss_bytes));
  add_receipt(fields, report);
  return fields;
}

std::vector<JournalField> failed_entry(const SandboxLabels& labels, const Error& error) {
  auto fields = entry(labels, failed_id, warning, cat("Sandbox ", labels.name, " did not start: ", format_error(error)), "");
  fields.push_back({"SBX_STEP", std::string(step_name(error.step))});
  fields.push_back({"SBX_EXIT", std::to_string(exit_status(error))});
  if (error.errno_value != 0) fields.push_back({"ERRNO", std::to_string(error.errno_value)});
  return fields;
}

}  // namespace sbx
