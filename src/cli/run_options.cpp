#include "cli/run_options.h"

#include <algorithm>
#include <climits>
#include <iterator>

#include "base/text.h"
#include "cli/shorthands.h"

namespace sbx {
namespace {

Result<int> read_fd(const ParsedOption& parsed, std::string_view text, int lowest) {
  const auto number = parse_number(text);
  if (!number || *number > INT_MAX || static_cast<int>(*number) < lowest)
    return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": not the number of a file descriptor",
                                lowest > 0 ? cat(" from ", lowest, " on") : "")));
  return static_cast<int>(*number);
}

Result<ReportTarget> read_report(const ParsedOption& parsed) {
  const std::string_view value = parsed.value;
  if (value.empty() || value == "text") return ReportTarget{ReportForm::text, "", 2};
  if (value.starts_with("json:fd:")) {
    SBX_ASSIGN(const int fd, read_fd(parsed, value.substr(8), 1));
    return ReportTarget{ReportForm::json, "", fd};
  }
  if (value.starts_with("json:") && value.size() > 5)
    return ReportTarget{ReportForm::json, std::string(value.substr(5)), -1};
  return fail(usage_error(cat("--report=", value, ": unknown form"),
                          "write --report, --report=json:FILE or --report=json:fd:N"));
}

Result<NotifyMode> read_notify_mode(const ParsedOption& parsed) {
  if (parsed.value == "container") return NotifyMode::container;
  if (parsed.value == "conmon") return NotifyMode::conmon;
  if (parsed.value == "ignore") return NotifyMode::ignore;
  return fail(usage_error(cat("--sdnotify=", parsed.value, ": unknown"), "write container, conmon or ignore"));
}

Result<LogTarget> read_log(const ParsedOption& parsed) {
  if (parsed.value == "none") return LogTarget::none;
  if (parsed.value == "journal") return LogTarget::journal;
  return fail(usage_error(cat("--log=", parsed.value, ": unknown"), "write --log=journal, or --log=none"));
}

// Part of a unit's name (systemd.unit(5)) and of messages.
Result<std::string> read_name(const ParsedOption& parsed) {
  const auto usable = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  };
  const auto& name = parsed.value;
  if (name.empty() || name.size() > 64 || !std::ranges::all_of(name, usable) || name[0] == '.' || name[0] == '-')
    return fail(usage_error(cat("--name ", name, ": not a name"),
                            "use up to 64 letters, digits, _, - and ., and start with a letter or digit"));
  return name;
}

// What the command line asks for by itself isn't what a profile accepts to lose: its acceptance is taken back. A later
// or earlier --accept gives it anew, since this goes before all overlays.
void take_acceptance_back(RunRequest& request) {
  Profile back;
  for (const auto& overlay : request.overlays) {
    for (const auto& [file, said] : overlay.cgroup)
      if (said.value != "max") back.accept.push_back({cat("!", file.substr(0, file.find('.'))), said.origin});
    if (!overlay.scope || overlay.scope->value != "require") continue;
    back.accept.push_back({"!scope", overlay.scope->origin});
  }
  request.overlays.insert(request.overlays.begin(), std::move(back));
}

Result<> read_other(const ParsedOption& parsed, RunRequest& request) {
  const auto name = parsed.option->name;
  if (name == "profile") request.profiles.push_back(parsed.value);
  else if (name == "env-file") request.environment_files.push_back({parsed.value, parsed.spelled});
  else if (name == "read-only") request.read_only = true;
  else if (name == "clear-env") request.clear_environment = true;
  else if (name == "explain") request.explain = true;
  else if (name == "name") {
    SBX_ASSIGN(request.name, read_name(parsed));
  } else if (name == "report") {
    SBX_ASSIGN(request.report, read_report(parsed));
  } else if (name == "trace") {
    if (parsed.value.empty()) return fail(usage_error("--trace needs the name of a file"));
    request.trace_file = parsed.value;
  } else if (name == "sdnotify") {
    SBX_ASSIGN(request.notify, read_notify_mode(parsed));
  } else if (name == "log") {
    SBX_ASSIGN(request.log, read_log(parsed));
  } else if (name == "pass-fd") {
    SBX_ASSIGN(const int fd, read_fd(parsed, parsed.value, 3));
    if (std::ranges::find(request.pass_fds, fd) == request.pass_fds.end()) request.pass_fds.push_back(fd);
  } else if (name == "status-fd") {
    SBX_ASSIGN(request.status_fd, read_fd(parsed, parsed.value, 1));
  }
  return {};
}

}  // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) { return 1 + (shares - 2) * 9999 / 262142; }

Result<RunRequest> read_run_options(const ParsedLine& line) {
  RunRequest request;
  const ParsedOption* swap = nullptr;
  for (const auto& parsed : line.options) {
    const auto name = parsed.option->name;
    if (name == "set") {
      SBX_ASSIGN(auto setting, parse_setting(parsed.value));
      request.overlays.push_back(std::move(setting));
      continue;
    }
    if (name == "memory-swap") {
      swap = &parsed;
      continue;
    }
    if (name == "cap-drop" && (parsed.value == "ALL" || parsed.value == "all")) {
      request.drop_all_capabilities = true;
      continue;
    }
    Profile one;
    SBX_ASSIGN(const bool is_shorthand, read_shorthand(parsed, one));
    if (is_shorthand) request.overlays.push_back(std::move(one));
    else SBX_TRY(read_other(parsed, request));
  }
  if (swap != nullptr) {
    Profile one;
    for (const auto& overlay : request.overlays)
      if (const auto memory = overlay.cgroup.find("memory.max"); memory != overlay.cgroup.end())
        one.cgroup["memory.max"] = memory->second;
    SBX_TRY(read_memory_swap(*swap, one));
    request.overlays.push_back(std::move(one));
  }
  take_acceptance_back(request);
  if (line.has("tty") && request.log == LogTarget::journal)
    return fail(usage_error("-t and --log=journal exclude each other", "leave one of the two out"));
  request.detach = line.has("detach");
  if (request.detach && line.has("interactive") && !line.has("tty"))
    return fail(usage_error("--detach with -i alone: nothing could attach to pipes later",
                            "add -t for a terminal that sbx attach takes up, or leave -i out"));
  if (request.detach && line.has("explain")) request.detach = false;
  request.forking = line.has("forking");
  if (request.forking && line.has("detach"))
    return fail(usage_error("--detach and --forking exclude each other", "--forking is for a command that detaches itself"));
  if (line.has("tty") && request.forking)
    return fail(usage_error("-t and --forking exclude each other", "a daemon has no terminal: leave -t out"));
  if (line.has("tty")) request.terminal = TerminalMode::require;
  else if (line.has("interactive") || request.forking || request.log == LogTarget::journal) request.terminal = TerminalMode::none;
  request.argv = line.words;
  return request;
}

Result<Profile> parse_environment_file(std::string_view text, const EnvironmentFile& file) {
  Profile profile;
  std::size_t number = 0;
  for (auto row : split(text, '\n')) {
    ++number;
    if (row.ends_with('\r')) row.remove_suffix(1);
    if (row.empty() || row[0] == '#') continue;
    const auto where = cat(file.path, ":", number);
    SBX_TRY(read_environment(std::string(row), where, where, profile));
  }
  return profile;
}

void apply_restrictions(const RunRequest& request, Profile& profile) {
  if (request.clear_environment) {
    profile.environment_pass.clear();
    profile.environment_set.clear();
  }
  if (request.drop_all_capabilities) profile.capabilities.clear();
  if (!request.read_only) return;
  auto& files = profile.filesystem;
  // "!x" among them takes x out of the writable ones alone.
  std::ranges::copy_if(files.write, std::back_inserter(files.read),
                       [](const auto& path) { return !path.value.starts_with('!'); });
  files.write.clear();
  for (auto& bind : files.bind) bind.value.access = Access::read;
  if (files.home && (files.home->value == "host" || files.home->value == "persistent"))
    files.home = {"private", "command line --read-only"};
}

}  // namespace sbx
