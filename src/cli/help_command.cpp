#include "cli/help_command.h"

#include "base/text.h"
#include "cli/help.h"
#include "cli/output.h"

namespace sbx {
namespace {

Error unknown_topic(const std::string& topic) {
  std::vector<std::string_view> names = {"keys"};
  for (const auto& command : commands()) names.push_back(command.name);
  const auto near = nearest(topic, names);
  return usage_error(
      cat("there is no help on ", topic),
      near ? cat("did you mean ", *near, "?") : "sbx help lists the commands, sbx help keys the keys of a profile");
}

}  // namespace

Result<int> help_command(const ParsedLine& line) {
  std::string topic;
  for (const auto& word : line.words) topic += cat(topic.empty() ? "" : " ", word);
  std::string text;
  if (topic.empty()) text = overview();
  else if (const auto* command = find_command(topic)) text = help_text(*command);
  else text = keys_text(topic == "keys" ? "" : topic);
  if (text.empty()) return fail(unknown_topic(topic));
  SBX_TRY(print(text));
  return 0;
}

}  // namespace sbx
