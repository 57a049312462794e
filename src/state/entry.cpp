#include "state/entry.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;
constexpr std::int64_t highest_pid = std::numeric_limits<std::int32_t>::max();

// Takes fields of the types that they have to be of; the first that isn't is remembered.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}
  const std::string& wrong() const { return wrong_; }

  void text(const char* name, std::string& out) {
    if (const Json* found = find(name, &Json::is_string)) out = found->get<std::string>();
  }
  void texts(const char* name, std::vector<std::string>& out) {
    const Json* found = find(name, &Json::is_array);
    if (found == nullptr) return;
    if (!std::ranges::all_of(*found, [](const Json& item) { return item.is_string(); })) return note(name);
    out = found->get<std::vector<std::string>>();
  }
  void number(const char* name, std::uint64_t& out) {
    if (const Json* found = find(name, &Json::is_number_unsigned)) out = found->get<std::uint64_t>();
  }
  // 1 is the system's init and a sandbox's own, but never a sandbox's as seen from outside of it.
  void pid(const char* name, std::int64_t& out, std::int64_t lowest) {
    const Json* found = find(name, &Json::is_number_unsigned);
    if (found == nullptr) return;
    const auto value = found->get<std::uint64_t>();
    if (value < static_cast<std::uint64_t>(lowest) || value > static_cast<std::uint64_t>(highest_pid)) return note(name);
    out = static_cast<std::int64_t>(value);
  }
  void flag(const char* name, bool& out) {
    if (const Json* found = find(name, &Json::is_boolean)) out = found->get<bool>();
  }

 private:
  const Json* find(const char* name, bool (Json::*is)() const noexcept) {
    const auto found = object_.find(name);
    if (found != object_.end() && (*found.*is)()) return &*found;
    note(name);
    return nullptr;
  }
  void note(const char* name) {
    if (wrong_.empty()) wrong_ = name;
  }
  const Json& object_;
  std::string wrong_;
};

std::unexpected<Error> bad(std::string what) { return fail(Step::find_sandbox, ErrorKind::host, std::move(what)); }

}  // namespace

std::string format_entry(const SandboxEntry& entry) {
  const Json object{{"version", format_version},
                    {"id", entry.id},
                    {"name", entry.name},
                    {"profiles", entry.profiles},
                    {"command", entry.command},
                    {"pid", entry.init},
                    {"start_time", entry.start_time},
                    {"pidfd_inode", entry.pidfd_inode},
                    {"launcher", entry.launcher},
                    {"pid_namespace", entry.pid_namespace},
                    {"boot_id", entry.boot_id},
                    {"cgroup", entry.cgroup},
                    {"scope", entry.scope},
                    {"own_network", entry.own_network},
                    {"system_manager", entry.system_manager},
                    {"created_us", entry.created_us}};
  // A command's words are bytes; what is no UTF-8 shows as U+FFFD.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<SandboxEntry> parse_entry(std::string_view text) {
  const auto object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return bad("not the whole of a JSON object");
  if (object.value("version", Json()) != format_version) return bad("of another version of sbx");
  SandboxEntry entry;
  Fields fields(object);
  fields.text("id", entry.id);
  fields.text("name", entry.name);
  fields.texts("profiles", entry.profiles);
  fields.texts("command", entry.command);
  fields.pid("pid", entry.init, 2);
  fields.number("start_time", entry.start_time);
  fields.number("pidfd_inode", entry.pidfd_inode);
  fields.pid("launcher", entry.launcher, 1);
  fields.number("pid_namespace", entry.pid_namespace);
  fields.text("boot_id", entry.boot_id);
  fields.text("cgroup", entry.cgroup);
  fields.text("scope", entry.scope);
  fields.flag("own_network", entry.own_network);
  fields.flag("system_manager", entry.system_manager);
  fields.number("created_us", entry.created_us);
  if (!fields.wrong().empty()) return bad(cat("its \"", fields.wrong(), "\" is absent or not of its type"));
  if (!is_sandbox_id(entry.id)) return bad("its \"id\" is none");
  if (!entry.cgroup.empty() && !entry.cgroup.starts_with('/')) return bad("its \"cgroup\" is no path");
  return entry;
}

bool is_sandbox_id(std::string_view text) {
  return text.size() == id_length && text.find_first_not_of(id_digits) == std::string_view::npos;
}

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const auto end = text.rfind(") ");
  if (end == std::string_view::npos) return std::nullopt;
  // The rest begins with field 3.
  const auto fields = split(text.substr(end + 2), ' ');
  if (fields.size() < 20 || fields[0].size() != 1) return std::nullopt;
  const auto parent = parse_number(fields[1]);
  const auto start = parse_number(fields[19]);
  if (!parent || !start) return std::nullopt;
  return ProcessStat{static_cast<std::int64_t>(*parent), *start, fields[0][0]};
}

}  // namespace sbx
