// sbx kill, stop, freeze and thaw.
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "cli/output.h"
#include "cli/sandbox_commands.h"
#include "state/control.h"
#include "systemd/property_values.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t default_grace_us = 10'000'000;
constexpr auto end_patience = std::chrono::seconds(10);

// "TERM", "SIGTERM" or a number, in any case.
Result<int> read_signal(const ParsedOption& parsed) {
  std::string text = parsed.value;
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  const auto number = parse_signal(text);
  if (!number || *number < 1 || *number > SIGRTMAX)
    return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": not a signal"), "write e.g. TERM, SIGTERM or 15; kill -l lists them"));
  return *number;
}

// How long a sandbox is given: what the command line says, else what its profile says.
std::uint64_t grace_of(const RunningSandbox& sandbox, const Registry& registry, const std::optional<std::uint64_t>& asked) {
  if (asked) return *asked;
  const auto details = sandbox.details(registry);
  return details ? details->process.limits.grace_us : default_grace_us;
}

Result<int> stop_all(const Registry& registry, std::vector<RunningSandbox>& sandboxes, const std::optional<std::uint64_t>& asked) {
  std::vector<Clock::time_point> deadlines;
  for (const auto& sandbox : sandboxes) {
    const auto grace = std::chrono::microseconds(std::min<std::uint64_t>(grace_of(sandbox, registry, asked), 86'400'000'000U));
    deadlines.push_back(Clock::now() + grace);
    // One that has ended meanwhile is stopped. A frozen one couldn't act on the signal.
    if (sandbox.signal(SIGTERM) && sandbox.cgroup()) static_cast<void>(set_frozen(sandbox, false));
  }
  std::size_t at = 0;
  return act_on_each(sandboxes, [&](RunningSandbox& sandbox) -> Result<std::string> {
    if (!await_end(registry, {&sandbox}, deadlines[at++])) {
      if (auto ended = end_now(sandbox); !ended && sandbox.alive()) return fail(std::move(ended).error());
      if (!await_end(registry, {&sandbox}, Clock::now() + end_patience))
        return fail(Step::control_sandbox, ErrorKind::host, cat("sandbox ", sandbox.entry().name, " survives SIGKILL"), "a process of it is in an uninterruptible wait: see its state in /proc");
    }
    return sandbox.entry().name;
  });
}

Result<int> freeze_or_thaw(const ParsedLine& line, bool freeze) {
  SBX_ASSIGN(const auto registry, Registry::open());
  SBX_ASSIGN(auto sandboxes, select_sandboxes(registry, line));
  return act_on_each(sandboxes, [&](RunningSandbox& sandbox) -> Result<std::string> {
    SBX_TRY(set_frozen(sandbox, freeze));
    return sandbox.entry().name;
  });
}

}  // namespace

Result<int> kill_command(const ParsedLine& line) {
  int signal = SIGKILL;
  if (const auto* parsed = find_parsed(line, "signal")) {
    SBX_ASSIGN(signal, read_signal(*parsed));
  }
  const bool everyone = line.has("all");
  if (signal == SIGSTOP && !everyone)
    return fail(usage_error("SIGSTOP would stop init and not the command", "use sbx freeze, or add --all for every process but init"));
  SBX_ASSIGN(const auto registry, Registry::open());
  // Here --all means the processes of a sandbox, not all sandboxes.
  ParsedLine named = line;
  std::erase_if(named.options, [](const ParsedOption& parsed) { return parsed.option->name == "all"; });
  SBX_ASSIGN(auto sandboxes, select_sandboxes(registry, named));
  return act_on_each(sandboxes, [&](RunningSandbox& sandbox) -> Result<std::string> {
    SBX_TRY(everyone ? signal_all(sandbox, signal) : sandbox.signal(signal));
    return sandbox.entry().name;
  });
}

Result<int> stop_command(const ParsedLine& line) {
  std::optional<std::uint64_t> grace;
  if (const auto* parsed = find_parsed(line, "time")) {
    grace = parse_time_span(parsed->value);
    if (!grace) return fail(usage_error(cat(parsed->spelled, " ", parsed->value, ": not a span of time"), "write e.g. 30 (seconds) or 1min"));
  }
  SBX_ASSIGN(const auto registry, Registry::open());
  SBX_ASSIGN(auto sandboxes, select_sandboxes(registry, line));
  return stop_all(registry, sandboxes, grace);
}

Result<int> freeze_command(const ParsedLine& line) { return freeze_or_thaw(line, true); }
Result<int> thaw_command(const ParsedLine& line) { return freeze_or_thaw(line, false); }

}  // namespace sbx
