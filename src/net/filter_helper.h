// The network of mode "filtered": starts sbx-net beside a launch, and watches over it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "egress/helper_words.h"
#include "kernel/events.h"
#include "launch/companion.h"

namespace sbx {

struct FilterHelperOptions {
  std::string program;   // sbx-net's path
  HelperRequest request;
  int control = -1;      // borrowed: a listening socket for `sbx net`; -1: none
  Events* events = nullptr;  // borrowed: says at once when the helper ends; null: nobody is told
  std::function<void(const std::string&)> tell;  // a line for the user
};

// Where sbx-net lies: beside sbx's own file in a build directory, else where it is installed.
std::string find_filter_helper(const std::string& installed);

class FilterHelper {
 public:
  explicit FilterHelper(FilterHelperOptions options) : options_(std::move(options)) {}
  ~FilterHelper() { stop(); }
  FilterHelper(const FilterHelper&) = delete;
  FilterHelper& operator=(const FilterHelper&) = delete;
  // Borrows this.
  Companion companion();
  // After the sandbox's end, where rules were learned: those that its connections would have needed.
  const std::vector<std::string>& used() const { return used_; }

 private:
  Result<> start(const HeldSandbox& sandbox);
  Result<> await_ready();
  void watch();
  void ask_used();
  void stop();
  const FilterHelperOptions options_;
  UniqueFd channel_, pidfd_;
  pid_t pid_ = -1;
  std::vector<std::string> used_;
};

}  // namespace sbx
