#include "cli/exec.h"

#include <signal.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "cli/output.h"
#include "cli/shorthands.h"
#include "launch/join.h"
#include "state/entrance.h"
#include "state/registry.h"
#include "state/running_sandbox.h"

namespace sbx {
namespace {

struct ExecRequest {
  std::string sandbox;
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string workdir;  // empty: the sandbox's own
  TerminalMode terminal = TerminalMode::automatic;
};

Result<> read_variable(const ParsedOption& parsed, ExecRequest& request) {
  Profile one;
  SBX_TRY(read_environment(parsed.value, parsed.spelled, cat(parsed.spelled, " ", parsed.value), one));
  for (const auto& [name, said] : one.environment_set) request.environment.emplace_back(name, said.value);
  for (const auto& said : one.environment_pass)
    if (const char* value = ::getenv(said.value.c_str()); value != nullptr) request.environment.emplace_back(said.value, value);
  return {};
}

Result<ExecRequest> read_options(const ParsedLine& line) {
  ExecRequest request;
  for (const auto& parsed : line.options) {
    if (parsed.option->name == "env") SBX_TRY(read_variable(parsed, request));
    if (parsed.option->name == "workdir") request.workdir = parsed.value;
  }
  if (line.has("tty")) request.terminal = TerminalMode::require;
  else if (line.has("interactive")) request.terminal = TerminalMode::none;
  if (line.words.empty()) return fail(usage_error("no sandbox is named", "write sbx exec SANDBOX -- COMMAND; sbx ps lists those that run"));
  request.sandbox = line.words[0];
  auto command = line.words.begin() + 1;
  if (command != line.words.end() && *command == "--") ++command;
  request.argv.assign(command, line.words.end());
  if (request.argv.empty())
    return fail(usage_error("no command is named", cat("write sbx exec ", request.sandbox, " -- COMMAND, e.g. sh")));
  return request;
}

void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  const auto start = cat(name, "=");
  std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(start); });
  environment.push_back(start + value);
}

LaunchPlan plan_of(const ExecRequest& request, LaunchPlan plan) {
  plan.argv = request.argv;
  plan.terminal = request.terminal;
  plan.limits.wall_time_us = 0;  // the sandbox's own goes on
  for (const auto& [name, value] : request.environment) set_variable(plan.environment, name, value);
  if (!request.workdir.empty()) {
    plan.workdir = normalize_path(request.workdir.starts_with('/') ? request.workdir : cat(plan.workdir, "/", request.workdir));
    plan.workdir_required = true;
  }
  return plan;
}

std::string how_it_ended(const JoinReport& report, const std::string& name) {
  if (report.sandbox_ended && report.signal != 0) return cat("sandbox ", name, " has ended, and the command with it");
  if (report.out_of_memory) return cat("killed by signal 9: sandbox ", name, "'s memory ran out; raise it: sbx update ", name, " --memory SIZE");
  return {};
}

}  // namespace

Result<int> exec_command(const ParsedLine& line) {
  SBX_ASSIGN(const auto request, read_options(line));
  SBX_ASSIGN(const auto registry, Registry::open());
  SBX_ASSIGN(const auto sandbox, find_sandbox(registry, request.sandbox));
  SBX_ASSIGN(const auto details, sandbox.details(registry));
  auto plan = plan_of(request, details.process);
  SBX_ASSIGN(auto target, open_entrance(sandbox, details, plan));
  SBX_ASSIGN(const auto report, join_sandbox(std::move(plan), std::move(target)));
  if (const auto words = how_it_ended(report, sandbox.entry().name); !words.empty()) complain(words);
  return report.status;
}

}  // namespace sbx
