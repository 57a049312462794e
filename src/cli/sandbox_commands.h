// The commands that look at and act on running sandboxes: one file each.
#pragma once
#include <functional>

#include "cli/options.h"
#include "state/running_sandbox.h"

namespace sbx {
Result<int> ps_command(const ParsedLine& line);
Result<int> inspect_command(const ParsedLine& line);
Result<int> stats_command(const ParsedLine& line);
Result<int> wait_command(const ParsedLine& line);
Result<int> events_command(const ParsedLine& line);
Result<int> kill_command(const ParsedLine& line);
Result<int> stop_command(const ParsedLine& line);
Result<int> freeze_command(const ParsedLine& line);
Result<int> thaw_command(const ParsedLine& line);
Result<int> update_command(const ParsedLine& line);

// Those that the words name, each once, in order; with --all every one, with --latest the one that was started last.
// None of the three is an error. All are found before anything is done to the first.
Result<std::vector<RunningSandbox>> select_sandboxes(const Registry& registry, const ParsedLine& line);
// The value of the last option of that name; nothing where it isn't given.
const ParsedOption* find_parsed(const ParsedLine& line, std::string_view name);
// A command on one line.
std::string words_of(const std::vector<std::string>& command);
std::uint64_t now_us();  // CLOCK_REALTIME
// "2026-11-25T21:54:12.565Z".
std::string format_time(std::uint64_t microseconds);

// Does `act` for each, prints what it returns, and goes on past one that fails: the first error is returned at the end,
// the others are told.
Result<int> act_on_each(std::vector<RunningSandbox>& sandboxes, const std::function<Result<std::string>(RunningSandbox&)>& act);
}  // namespace sbx
