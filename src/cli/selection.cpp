#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "cli/output.h"
#include "cli/sandbox_commands.h"

namespace sbx {

const ParsedOption* find_parsed(const ParsedLine& line, std::string_view name) {
  const ParsedOption* found = nullptr;
  for (const auto& parsed : line.options)
    if (parsed.option->name == name) found = &parsed;
  return found;
}

Result<std::vector<RunningSandbox>> select_sandboxes(const Registry& registry, const ParsedLine& line) {
  const bool all = line.has("all"), latest = line.has("latest");
  if (static_cast<int>(all) + static_cast<int>(latest) + static_cast<int>(!line.words.empty()) > 1)
    return fail(usage_error("names, --all and --latest exclude each other", "give one of them"));
  if (!all && !latest && line.words.empty()) return fail(usage_error("no sandbox is named", "give a name or an id: sbx ps lists them"));
  SBX_TRY(require_pidfds());
  if (!line.words.empty()) {
    std::vector<RunningSandbox> chosen;
    for (const auto& word : line.words) {
      SBX_ASSIGN(auto sandbox, find_sandbox(registry, word));
      if (std::ranges::none_of(chosen, [&](const auto& one) { return one.id() == sandbox.id(); })) chosen.push_back(std::move(sandbox));
    }
    return chosen;
  }
  auto sandboxes = list_sandboxes(registry);
  if (latest && sandboxes.empty()) return fail(Step::find_sandbox, ErrorKind::usage, "no sandbox of yours is running", "sbx run starts one");
  if (latest) sandboxes.erase(sandboxes.begin(), sandboxes.end() - 1);
  return sandboxes;
}

Result<int> act_on_each(std::vector<RunningSandbox>& sandboxes, const std::function<Result<std::string>(RunningSandbox&)>& act) {
  std::optional<Error> first;
  for (auto& sandbox : sandboxes) {
    auto done = act(sandbox);
    if (done) {
      SBX_TRY(print(cat(escape_control(*done), "\n")));
      continue;
    }
    if (first) print_error(done.error());
    else first = std::move(done).error();
  }
  if (first) return fail(*std::move(first));
  return 0;
}

std::string words_of(const std::vector<std::string>& command) { return join(command, " "); }

std::uint64_t now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000U + static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
}

std::string format_time(std::uint64_t microseconds) {
  const auto seconds = static_cast<time_t>(microseconds / 1'000'000U);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const auto length = ::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto milliseconds = std::to_string(1000 + microseconds / 1000U % 1000U).substr(1);
  return cat(std::string_view(text.data(), length), ".", milliseconds, "Z");
}

}  // namespace sbx
