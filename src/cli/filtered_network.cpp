#include "cli/filtered_network.h"

#include <unistd.h>

#include "base/text.h"
#include "cli/output.h"
#include "net/filter_control.h"
#include "sbx_config.h"

namespace sbx {

FilteredNetworkLaunch::FilteredNetworkLaunch(const LaunchPlan& plan, const std::string& id, Events& events) : events_(events) {
  const auto* network = std::get_if<FilteredNetwork>(&plan.network);
  if (network == nullptr) return;
  learn_ = network->learn;
  listen(id);
  FilterHelperOptions options;
  options.control = control_.get();
  options.program = find_filter_helper(SBX_HELPER_DIR);
  for (const auto& rule : network->allow) options.request.allow.push_back(rule.text);
  for (const auto& rule : network->deny) options.request.deny.push_back(rule.text);
  options.request.learn = learn_;
  options.events = &events_;
  options.tell = [](const std::string& line) { complain(line); };
  helper_.emplace(std::move(options));
}

FilteredNetworkLaunch::~FilteredNetworkLaunch() {
  if (!control_name_.empty()) ::unlinkat(registry_->fd(), control_name_.c_str(), 0);
}

// Without a registry there is nobody who could ask: sbx net finds its sandboxes there.
void FilteredNetworkLaunch::listen(const std::string& id) {
  auto registry = Registry::open();
  if (!registry) return;
  auto control = listen_for_control(registry->fd(), cat(id, ".net"));
  if (!control) return complain(cat("sbx net can't change or show this sandbox's rules: ", format_error(control.error())));
  control_ = *std::move(control);
  control_name_ = cat(id, ".net");
  registry_.emplace(*std::move(registry));
}

void FilteredNetworkLaunch::join(LaunchOptions& options) {
  if (!helper_) return;
  options.companions.push_back(helper_->companion());
  options.events = &events_;
}

void FilteredNetworkLaunch::tell_learned() const {
  if (!helper_ || !learn_) return;
  if (helper_->used().empty()) return complain("no connection left the sandbox");
  std::string line = "what it used: --net filtered";
  for (const auto& rule : helper_->used()) line += cat(" --allow ", rule);
  complain(line);
}

}  // namespace sbx
