// sbx wait: returns when the sandboxes have ended, and prints how.
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "cli/output.h"
#include "cli/sandbox_commands.h"
#include "state/control.h"
#include "state/history.h"

namespace sbx {
namespace {

using Clock = std::chrono::steady_clock;

// The last one of that name, or the one of that id.
std::optional<EndedSandbox> find_ended(const Registry& registry, const std::string& text) {
  const auto ended = read_history(registry).ended;
  const auto found = std::ranges::find_if(ended.rbegin(), ended.rend(), [&](const EndedSandbox& one) { return one.id == text || one.name == text; });
  return found == ended.rend() ? std::nullopt : std::optional(*found);
}

}  // namespace

Result<int> wait_command(const ParsedLine& line) {
  auto deadline = Clock::time_point::max();
  if (const auto* parsed = find_parsed(line, "timeout")) {
    const auto span = parse_time_span(parsed->value);
    if (!span) return fail(usage_error(cat(parsed->spelled, " ", parsed->value, ": not a span of time"), "write e.g. 30 (seconds) or 1min"));
    if (*span < 1'000'000'000'000U) deadline = Clock::now() + std::chrono::microseconds(*span);
  }
  SBX_ASSIGN(const auto registry, Registry::open());
  // Each word is one that runs, or one that has ended; those that run are held from here on.
  std::vector<std::pair<std::string, std::optional<RunningSandbox>>> waited;
  if (line.words.empty()) {
    SBX_ASSIGN(auto sandboxes, select_sandboxes(registry, line));
    for (auto& sandbox : sandboxes) {
      auto id = sandbox.id();
      waited.emplace_back(std::move(id), std::move(sandbox));
    }
  }
  for (const auto& word : line.words) {
    auto sandbox = find_sandbox(registry, word);
    if (sandbox) waited.emplace_back(sandbox->id(), std::move(*sandbox));
    else if (const auto ended = find_ended(registry, word)) waited.emplace_back(ended->id, std::nullopt);
    else return fail(std::move(sandbox).error());
  }
  for (const auto& [id, sandbox] : waited) {
    if (sandbox && !await_end(registry, {&*sandbox}, deadline)) {
      complain(cat(sandbox->entry().name, " is still running"));
      return 124;
    }
    const auto ended = find_ended(registry, id);
    if (!ended) return fail(Step::find_sandbox, ErrorKind::host, cat("how sandbox ", id, " ended isn't known"), "its sbx was killed before it could tell");
    SBX_TRY(print(cat(ended->status, "\n")));
  }
  return 0;
}

}  // namespace sbx
