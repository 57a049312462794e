#include "cli/run.h"

#include <signal.h>
#include <syslog.h>

#include <algorithm>
#include <optional>

#include "base/fault.h"
#include "base/text.h"
#include "cli/attach_server.h"
#include "cli/caller.h"
#include "cli/detach.h"
#include "cli/files.h"
#include "cli/filtered_network.h"
#include "cli/forking.h"
#include "cli/output.h"
#include "cli/register_sandbox.h"
#include "cli/run_options.h"
#include "cli/run_outputs.h"
#include "cli/run_trace.h"
#include "cli/service.h"
#include "filter/cache.h"
#include "launch/gather.h"
#include "launch/launcher.h"
#include "launch/report.h"
#include "net/groups.h"
#include "net/private_network.h"
#include "plan/make_plan.h"
#include "profile/load.h"
#include "sbx_config.h"
#include "spec/network_text.h"
#include "spec/validate.h"
#include "state/history.h"
#include "systemd/journal.h"
#include "telemetry/launch_log.h"

namespace sbx {
namespace {

Result<Profile> gather_profile(const RunRequest& request) {
  SBX_TRY(check_fault(Step::read_profile));
  SBX_TRY(check_fault(Step::merge_profile));
  auto names = request.profiles;
  if (names.empty()) names.emplace_back(default_profile);
  SBX_ASSIGN(auto profile, load_profiles(names));
  apply_restrictions(request, profile);
  for (const auto& file : request.environment_files) {
    SBX_ASSIGN(const auto text, read_small_file(file.path));
    SBX_ASSIGN(const auto variables, parse_environment_file(text, file));
    profile = merge_profiles(std::move(profile), variables);
  }
  for (const auto& overlay : request.overlays) profile = merge_profiles(std::move(profile), overlay);
  return profile;
}

Result<SandboxSpec> gather_spec(const RunRequest& request, const CallerContext& caller, const std::string& id, const Service& service, StepTimes& steps) {
  const auto read = [&] {
    const StepTimer timer(steps, Step::read_profile);
    return gather_profile(request);
  };
  SBX_ASSIGN(const auto profile, read());
  const StepTimer timer(steps, Step::lower_profile);
  SBX_TRY(check_fault(Step::lower_profile));
  SBX_ASSIGN(auto spec,
             lower_profile(profile, caller, request.argv, request.name.empty() ? id : request.name));
  if (has_filter(spec.network.mode)) SBX_TRY(expand_groups(spec.network.allow, group_caller()));
  spec.terminal = request.terminal;
  spec.pass_fds = request.pass_fds;
  SBX_TRY(service.adapt(spec));
  SBX_TRY(check_fault(Step::validate_spec));
  SBX_TRY(validate_run(spec));
  return spec;
}

Result<LaunchPlan> gather_plan(const SandboxSpec& spec, const CallerContext& caller, StepTimes& steps) {
  const auto make = [&] {
    const StepTimer timer(steps, Step::make_plan);
    return gather_plan(spec);
  };
  SBX_ASSIGN(auto plan, make());
  const StepTimer timer(steps, Step::compile_filter);
  SBX_TRY(check_fault(Step::compile_filter));
  // The last one is written to: never the installed one, though the caller has no home for its own.
  SBX_ASSIGN(auto filter, load_or_compile_filter(spec.seccomp, spec.namespaces.nested,
                                                 {SBX_FILTER_DIR, filter_cache_directory(caller)}));
  plan.filter = std::move(filter.bpf);
  plan.filter_digest = std::move(filter.digest);
  return plan;
}

void tell_losses(const std::vector<Loss>& losses) {
  complain(cat("goes on without ", join(losses_in_words(losses), "; without ")));
}

SandboxLabels labels_of(const std::string& id, const SandboxSpec& spec, const LaunchPlan& plan) {
  const auto* scope = std::get_if<ScopeRequest>(&plan.cgroup);
  return {id, spec.name, spec.profile, spec.argv.empty() ? "" : spec.argv[0], scope != nullptr && scope->system_manager};
}

// --log=journal
struct JournalOutput {
  UniqueFd output, error;

  Result<> open(const std::string& name, LaunchOptions& options) {
    SBX_ASSIGN(output, open_journal_stream(cat("sbx-", name), LOG_INFO));
    SBX_ASSIGN(error, open_journal_stream(cat("sbx-", name), LOG_WARNING));
    options.output = output.get(), options.error = error.get();
    return {};
  }
};

Result<int> run(const RunRequest& request, const RunOutputs& outputs, RunTrace& trace, Detachment& detachment) {
  const auto caller = read_caller();
  Events events;  // outlives who attends to it
  SBX_ASSIGN(const auto id, random_sandbox_id());
  SBX_ASSIGN(auto service, Service::read(request, caller));
  SBX_ASSIGN(const auto spec, gather_spec(request, caller, id, service, trace.steps));
  // Before the look at the host: what is there by then no sandbox shows.
  SBX_ASSIGN(const auto registration, register_sandbox(request, spec, id));
  SBX_ASSIGN(auto plan, gather_plan(spec, caller, trace.steps));
  if (request.explain) {
    SBX_TRY(print(explain(plan)));
    return 0;
  }
  LaunchOptions options;
  options.receipt = request.report.form != ReportForm::none;
  options.status_fd = outputs.status_fd();
  options.on_losses = tell_losses;
  JournalOutput journal_output;
  if (request.log == LogTarget::journal) SBX_TRY(journal_output.open(spec.name, options));
  FilteredNetworkLaunch filtered(plan, id, events);
  filtered.join(options);
  options.steps_before = trace.steps;
  SBX_TRY(service.attach(options, events));
  trace.labels = labels_of(id, spec, plan);
  if (detachment.background()) {
    if (registration->unavailable()) return fail(*registration->unavailable());
    detachment.enter_scope(id, plan);
    if (options.output < 0 && !detachment.has_terminal()) options.output = detachment.null();
    if (options.error < 0) options.error = detachment.null();
  }
  std::optional<AttachServer> attached;
  if (detachment.has_terminal()) {
    attached.emplace(detachment.take_master(), events);
    SBX_TRY(attached->open(registration->registry()->fd(), id));
    options.companions.push_back({.ended = [&](const ExitReport& report) { attached->finish(exit_status(report)); }});
  }
  options.events = &events;
  const auto& labels = trace.labels;
  // Before the registry forgets it: who looks for it meanwhile finds it here.
  HistoryRecord history(registration->registry(), labels.id, labels.name, labels.profile, labels.command);
  options.companions.push_back(history.companion());
  options.companions.push_back(registration->companion());
  LaunchLog log(trace.labels);
  options.companions.push_back(log.companion());
  options.companions.push_back(detachment.companion(id));
  std::optional<Forking> forking;
  if (request.forking) {
    SBX_ASSIGN(forking, Forking::start(plan));
    options.on_daemon = [&forking, &service] {
      service.take_over();
      forking->announce();
    };
  }
  std::optional<PrivateNetworkService> network;
  if (const auto* wanted = std::get_if<PrivateNetwork>(&plan.network)) {
    network.emplace(*wanted, events, [](const std::string& words) { complain(words); });
    options.companions.push_back(network->companion());
  }
  auto launched = launch(std::move(plan), options);
  if (!launched) {
    log.failed(launched.error());
    return fail(std::move(launched).error());
  }
  const auto& report = *launched;
  filtered.tell_learned();
  if (const auto words = ending_in_words(report); !words.empty()) complain(words);
  auto written = outputs.write(report);
  if (written) written = trace.write(report);
  if (!written) {
    auto error = std::move(written).error();
    error.hint = cat("the command itself has run, with status ", exit_status(report));
    return fail(std::move(error));
  }
  service.end_as(report);
  return exit_status(report);
}

// What was typed may be near to what was meant: the words of a command in one, a profile without its -p.
void add_likely_mistake(const RunRequest& request, Error& error) {
  if (error.kind != ErrorKind::not_found || request.argv.empty()) return;
  const auto& word = request.argv[0];
  if (request.argv.size() == 1 && word.find(' ') != std::string::npos && word.find('/') != 0) {
    error.hint = cat("if these are several words, leave the quotes out: sbx run -- ", word);
    return;
  }
  if (request.profiles.empty() && word.find('/') == std::string::npos)
    for (const auto& profile : list_profiles())
      if (profile.name == word) error.hint = cat("if the profile is meant: sbx run -p ", word);
}

}  // namespace

Result<int> run_command(const ParsedLine& line) {
  SBX_TRY(check_fault(Step::parse_options));
  SBX_ASSIGN(const auto request, read_run_options(line));
  SBX_ASSIGN(const auto outputs, RunOutputs::open(request));
  // A reader of the report that goes away must not end sbx, and with it the command; the payload's own signals are
  // reset before exec.
  ::signal(SIGPIPE, SIG_IGN);
  SBX_ASSIGN(auto trace, RunTrace::open(request));
  Detachment detachment;
  if (request.detach) {
    std::vector<int> kept = request.pass_fds;
    kept.push_back(outputs.status_fd());
    kept.push_back(request.report.fd);
    SBX_ASSIGN(const auto foreground, detachment.split(kept, request.terminal == TerminalMode::require));
    if (foreground) return *foreground;
  }
  auto status = run(request, outputs, trace, detachment);
  if (!status) {
    add_likely_mistake(request, status.error());
    outputs.write_failure(status.error());
    trace.write_failure(status.error());
  }
  return status;
}

}  // namespace sbx
