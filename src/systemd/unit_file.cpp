#include "systemd/unit_file.h"

#include <algorithm>

#include "base/text.h"
#include "spec/cgroup_values.h"

namespace sbx {
namespace {

constexpr std::uint64_t second = 1'000'000;

// A value that isn't split into words: specifiers are all that has a meaning in it.
std::string unit_value(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '%' ? "%%" : std::string(1, c >= 0 && c < ' ' ? ' ' : c);
  return out;
}

std::string span(std::uint64_t microseconds) {
  if (microseconds % second == 0) return cat(microseconds / second, "s");
  return cat((microseconds + 999) / 1000, "ms");
}

}  // namespace

std::string unit_word(std::string_view word) {
  static constexpr char digits[] = "0123456789abcdef";
  bool quote = word.empty();
  std::string out;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '%' || c == '$') out += c;  // doubled: neither a specifier nor a variable
    if (c == '"' || c == '\\') out += '\\';
    if (byte < ' ' || byte == 0x7f) out += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
    else out += c;
    quote = quote || byte <= ' ' || byte == 0x7f || c == '"' || c == '\'' || c == '\\' || c == ';' || c == '#';
  }
  return quote ? cat('"', out, '"') : out;
}

std::string unit_file(const SandboxSpec& spec, const UnitRequest& request) {
  std::vector<std::string> lines;
  const auto add = [&lines](const auto&... pieces) { lines.push_back(cat(pieces...)); };
  std::string start = unit_word(request.program) + " run";
  for (const auto& option : request.options) start += " " + unit_word(option);
  if (!request.command.empty()) start += " --";
  for (const auto& word : request.command) start += " " + unit_word(word);
  const bool once = request.type == "oneshot";

  add("[Unit]");
  add("Description=", unit_value(spec.scope.description.empty() ? cat("Sandbox ", spec.profile) : spec.scope.description));
  add("Documentation=man:sbx(1)");
  add("");
  add("[Service]");
  add("Type=", request.type);
  add("ExecStart=", start);
  if (!request.user.empty()) add("User=", unit_value(request.user));
  if (!request.working_directory.empty()) add("WorkingDirectory=", unit_value(request.working_directory));
  add("Slice=", unit_value(spec.scope.slice));
  add("# The sandbox gets a cgroup of its own below this unit's.");
  add("Delegate=yes");
  add("# A stop's first signal goes to sbx, which passes it on; to both it would come twice.");
  add("KillMode=mixed");
  if (request.type.starts_with("notify")) add("NotifyAccess=main");
  if (request.type == "forking") {
    add("# By this sbx says which process is the main one now. The sandbox has no way to the manager's own socket.");
    add("NotifyAccess=all");
  }
  if (!once) add("Restart=on-failure");
  // sbx itself ends the sandbox when the grace is over; the manager waits a little longer.
  add("TimeoutStopSec=", span(spec.limits.grace_us + 5 * second));
  if (spec.limits.wall_time_us != 0)
    add(once ? "TimeoutStartSec=" : "RuntimeMaxSec=", span(spec.limits.wall_time_us + spec.limits.grace_us + second));
  for (const auto& limit : limit_values(spec.cgroup)) {
    add(unit_directive(limit));
    if (limit.file == "cpu.max" && spec.cgroup.cpu_period_us != 100'000 && !limit.value.starts_with("max"))
      add("CPUQuotaPeriodSec=", spec.cgroup.cpu_period_us, "us");
  }
  add("");
  add("[Install]");
  add("WantedBy=", request.system_manager ? "multi-user.target" : "default.target");
  return join(lines, "\n") + "\n";
}

}  // namespace sbx
