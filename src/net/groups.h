// Groups of allow rules, "@npm": worked out from what the user has configured, and one's own as files of allow.d.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "spec/sandbox_spec.h"

namespace sbx {

struct GroupRule {
  std::string rule, source;  // "host:443", where it is from
};
struct Group {
  std::string name;  // without the @
  std::vector<GroupRule> rules;
  std::string lacking;  // what to do where it is empty
};

struct GroupCaller {
  std::map<std::string, std::string> environment;
  std::string home, config_home, directory;
};
GroupCaller group_caller();

// The built-in ones and those of allow.d, sorted.
std::vector<std::string> group_names(const GroupCaller& caller);
// Reads files, and asks the tool itself where there is one, each for at most some seconds.
Result<Group> work_out_group(const std::string& name, const GroupCaller& caller);
// In place: each "@group" among the entries becomes its rules.
Result<> expand_groups(std::vector<AllowSpec>& entries, const GroupCaller& caller);

}  // namespace sbx
