#include "cli/logs.h"

#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "state/history.h"
#include "state/running_sandbox.h"

namespace sbx {
namespace {

// What to ask the journal for.
struct Logged {
  std::string id, name, scope;
  bool system_manager = false;
  std::uint64_t from_us = 0, to_us = 0;  // of CLOCK_REALTIME; 0: open
};

Result<Logged> find_logged(const std::string& text) {
  SBX_ASSIGN(const auto registry, Registry::open());
  const auto running = find_sandbox(registry, text);
  if (running) {
    const auto& entry = running->entry();
    return Logged{entry.id, entry.name, entry.scope, entry.system_manager, entry.created_us, 0};
  }
  const auto history = read_history(registry);
  const auto* ended = find_ended(history, text);
  if (ended == nullptr) return fail(running.error());
  return Logged{ended->id, ended->name, ended->scope, ::geteuid() == 0, ended->started_us, ended->ended_us};
}

// Any of: sbx' own entries, the scope's manager's, the scope's processes', and the streams of --log=journal. Names come
// again, so each is held to the sandbox' time; other users can write the same, so each is held to the caller's.
std::vector<std::string> matches(const Logged& logged) {
  const auto uid = cat("_UID=", ::geteuid());
  std::vector<std::string> words = {uid, cat("SBX_ID=", logged.id), "+", uid, cat("SYSLOG_IDENTIFIER=sbx-", logged.name)};
  if (logged.scope.empty()) return words;
  const std::string_view kind = logged.system_manager ? "UNIT=" : "USER_UNIT=";
  // The field with a _ is journald's own word.
  for (const auto& word : {std::string("+"), uid, cat(kind, logged.scope), std::string("+"), cat("_SYSTEMD_", kind, logged.scope)})
    words.push_back(word);
  return words;
}

std::string time_text(std::uint64_t us) { return cat("@", us / 1'000'000); }

}  // namespace

Result<int> logs_command(const ParsedLine& line) {
  if (line.words.size() != 1) return fail(usage_error("name one sandbox", "sbx ps -a lists them"));
  SBX_ASSIGN(const auto logged, find_logged(line.words[0]));
  std::vector<std::string> words = {"journalctl", "--quiet", "--no-hostname"};
  std::string since = time_text(logged.from_us - std::min<std::uint64_t>(logged.from_us, 1'000'000));
  for (const auto& option : line.options) {
    const auto name = option.option->name;
    if (name == "follow") words.emplace_back("--follow");
    if (name == "json") words.emplace_back("--output=json");
    if (name == "since") since = option.value;
    if (name != "lines") continue;
    if (!parse_number(option.value)) return fail(usage_error(cat("--lines=", option.value, ": not a number")));
    words.push_back(cat("--lines=", option.value));
  }
  words.push_back(cat("--since=", since));
  // The last entries come a moment after the end.
  if (logged.to_us != 0 && !line.has("follow")) words.push_back(cat("--until=", time_text(logged.to_us + 3'000'000)));
  for (auto& word : matches(logged)) words.push_back(std::move(word));
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  return fail(Error{Step::open_journal, ErrorKind::host, errno, "journalctl can't be executed", "install systemd, which has it"});
}

}  // namespace sbx
