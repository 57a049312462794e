#include "cli/shorthands.h"

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "cli/run_options.h"
#include "spec/capability_names.h"
#include "profile/values.h"
#include "spec/network_text.h"

namespace sbx {
namespace {

Origin origin_of(const ParsedOption& parsed) { return cat("command line ", parsed.spelled); }

Error bad_value(const ParsedOption& parsed, std::string_view reason) {
  return usage_error(cat(parsed.spelled, " ", parsed.value, ": ", reason),
                     cat("write --", parsed.option->name, "=", parsed.option->placeholder));
}

void set_cgroup(const ParsedOption& parsed, Profile& profile, const char* file, std::string value) {
  profile.cgroup[file] = {std::move(value), origin_of(parsed)};
}

Result<> read_path(const ParsedOption& parsed, List<std::string>& list) {
  if (parsed.value.empty()) return fail(bad_value(parsed, "an empty path"));
  // "--rw /a:/b" would otherwise be taken for one path with a colon in it, and be missing.
  if (parsed.value.find(':') != std::string::npos && parsed.option->name != "hide")
    return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": the path inside is the same as outside"),
                            "use -v SOURCE:TARGET[:ro] for another one"));
  list.push_back({parsed.value, origin_of(parsed)});
  return {};
}

Result<> read_volume(const ParsedOption& parsed, Profile& profile) {
  const auto pieces = split(parsed.value, ':');
  if (pieces.size() < 2 || pieces.size() > 3) return fail(bad_value(parsed, "not SOURCE:TARGET[:OPTIONS]"));
  ProfileBind bind{std::string(pieces[0]), std::string(pieces[1]), Access::write};
  if (bind.source.empty() || bind.target.empty()) return fail(bad_value(parsed, "an empty path"));
  if (bind.source[0] != '/' && bind.source[0] != '.' && bind.source[0] != '~' && bind.source[0] != '$')
    return fail(
        usage_error(cat(parsed.spelled, " ", parsed.value, ": ", bind.source, " names a volume, and sbx has none"),
                    cat("write ./", bind.source, " for the path")));
  if (bind.target[0] != '/' && bind.target[0] != '~' && bind.target[0] != '$')
    return fail(bad_value(parsed, "TARGET must be an absolute path"));
  for (const auto option : pieces.size() == 3 ? split(pieces[2], ',') : std::vector<std::string_view>{}) {
    if (option == "ro") bind.access = Access::read;
    else if (option == "rw") bind.access = Access::write;
    else if (option == "exec") bind.exec = true;
    else if (option == "noexec") bind.exec = false;
    else if (option == "optional") bind.optional = true;
    // What every bind of sbx is.
    else if (option == "nosuid" || option == "nodev" || option == "rbind" || option == "rprivate" ||
             option == "private")
      continue;
    else
      return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": unknown option ", option),
                              "the options are ro, rw, exec, noexec and optional"));
  }
  profile.filesystem.bind.push_back({bind, origin_of(parsed)});
  return {};
}

Result<> read_tmpfs(const ParsedOption& parsed, Profile& profile) {
  const auto colon = parsed.value.find(':');
  ProfileTmpfs tmpfs{parsed.value.substr(0, colon), ""};
  if (tmpfs.path.empty()) return fail(bad_value(parsed, "an empty path"));
  if (colon != std::string::npos)
    for (const auto option : split(std::string_view(parsed.value).substr(colon + 1), ',')) {
      if (option.starts_with("size=") && parse_bytes(option.substr(5))) tmpfs.size = option.substr(5);
      else if (option != "rw" && option != "nosuid" && option != "nodev")
        return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": bad option ", option),
                                "the one option is size=SIZE, e.g. size=64m"));
    }
  profile.filesystem.tmpfs.push_back({tmpfs, origin_of(parsed)});
  return {};
}

Result<> read_device(const ParsedOption& parsed, Profile& profile) {
  const auto pieces = split(parsed.value, ':');
  if (pieces.size() > 1 && pieces[1] != pieces[0])
    return fail(bad_value(parsed, "a device has the same path inside, and the node's own permissions"));
  profile.filesystem.devices.push_back({std::string(pieces[0]), origin_of(parsed)});
  return {};
}

Result<> read_size(const ParsedOption& parsed, Profile& profile, const char* file) {
  if (parsed.value == "-1" || parsed.value == "max") set_cgroup(parsed, profile, file, "max");
  else if (const auto bytes = parse_bytes(parsed.value); bytes && *bytes > 0)
    set_cgroup(parsed, profile, file, std::to_string(*bytes));
  else return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": not a size"), "write e.g. 512m or 2G"));
  return {};
}

// "0.5" CPUs are 50000 µs of each 100000.
Result<> read_cpus(const ParsedOption& parsed, Profile& profile) {
  const auto pieces = split(parsed.value, '.');
  const auto whole = parse_number(pieces[0].empty() ? "0" : pieces[0]);
  std::optional<std::uint64_t> fraction = 0;
  if (pieces.size() == 2 && !pieces[1].empty()) {
    auto digits = std::string(pieces[1].substr(0, 5));
    fraction = parse_number(digits.append(5 - digits.size(), '0'));
  }
  if (pieces.size() > 2 || !whole || !fraction || *whole > 1'000'000)
    return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": not a number of CPUs"), "write e.g. 2 or 0.5"));
  const auto quota = *whole * 100'000 + *fraction;
  // cpu.max takes no quota below 1 ms (kernel/sched/core.c, min_cfs_quota_period).
  if (quota < 1000)
    return fail(
        usage_error(cat(parsed.spelled, " ", parsed.value, ": less than the kernel can grant"), "write 0.01 or more"));
  set_cgroup(parsed, profile, "cpu.max", cat(quota, " 100000"));
  return {};
}

Result<> read_shares(const ParsedOption& parsed, Profile& profile) {
  const auto shares = parse_number(parsed.value);
  if (!shares || *shares < 2 || *shares > 262144) return fail(bad_value(parsed, "not a number from 2 to 262144"));
  set_cgroup(parsed, profile, "cpu.weight", std::to_string(weight_of_shares(*shares)));
  return {};
}

Result<> read_pids(const ParsedOption& parsed, Profile& profile) {
  const bool unlimited = parsed.value == "-1" || parsed.value == "max" || parsed.value == "0";
  const auto number = parse_number(parsed.value);
  if (!unlimited && !number) return fail(bad_value(parsed, "not a number"));
  set_cgroup(parsed, profile, "pids.max", unlimited ? "max" : std::to_string(*number));
  return {};
}

Result<> read_ulimit(const ParsedOption& parsed, Profile& profile) {
  const auto equals = parsed.value.find('=');
  if (equals == 0 || equals == std::string::npos) return fail(bad_value(parsed, "not NAME=SOFT[:HARD]"));
  std::string value;
  for (const auto piece : split(std::string_view(parsed.value).substr(equals + 1), ':')) {
    const bool unlimited = piece == "-1" || piece == "unlimited" || piece == "infinity";
    if (!unlimited && !parse_bytes(piece)) return fail(bad_value(parsed, cat(piece, " is not a number")));
    value += cat(value.empty() ? "" : ":", unlimited ? "unlimited" : piece);
  }
  auto name = parsed.value.substr(0, equals);
  if (name.starts_with("RLIMIT_")) name.erase(0, 7);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  profile.rlimits[name] = {value, origin_of(parsed)};
  return {};
}

// podman's timeout is a number of seconds, which is a time span as well.
Result<> read_time(const ParsedOption& parsed, Maybe<std::string>& target) {
  if (!parse_time_span(parsed.value))
    return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": not a time"),
                            "write e.g. 30 (seconds), 10min or 1h 30min"));
  target = {parsed.value, origin_of(parsed)};
  return {};
}

std::string full_capability(std::string_view name) {
  std::string full(name);
  std::ranges::transform(full, full.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return full.starts_with("CAP_") ? full : cat("CAP_", full);
}

// A list, as podman takes it: "a,b". A word that is empty is told of where words are checked.
template <typename Read>
void read_words(const ParsedOption& parsed, List<std::string>& list, Read read) {
  for (const auto word : split(parsed.value, ',')) list.push_back({read(std::string(word)), origin_of(parsed)});
}

void read_capabilities(const ParsedOption& parsed, Profile& profile) {
  for (const auto word : split(parsed.value, ',')) {
    const auto full = full_capability(std::string(word));
    if (full != "CAP_ALL") profile.capabilities.push_back({full, origin_of(parsed)});
    else for (const auto name : capability_names) profile.capabilities.push_back({std::string(name), origin_of(parsed)});
  }
}

// "none host" as "none, host".
std::string listed(std::string_view choices) {
  std::string out;
  for (const auto choice : split(choices, ' ')) out += cat(out.empty() ? "" : ", ", choice);
  return out;
}

Result<> read_choice(const ParsedOption& parsed, Maybe<std::string>& target) {
  const auto choices = split(parsed.option->choices, ' ');
  if (std::ranges::find(choices, parsed.value) == choices.end()) {
    const auto near = nearest(parsed.value, choices);
    return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": not one of ", listed(parsed.option->choices)),
                            near ? cat("did you mean ", *near, "?") : ""));
  }
  target = {parsed.value, origin_of(parsed)};
  return {};
}

Result<> read_user(const ParsedOption& parsed, Profile& profile) {
  if (parsed.value != "self" && parsed.value != "root" && !parse_number(parsed.value))
    return fail(
        usage_error(cat(parsed.spelled, " ", parsed.value, ": not a user inside"), "write self, root or a number"));
  profile.user = {parsed.value, origin_of(parsed)};
  return {};
}

Result<> read_rules(const ParsedOption& parsed, Complaint (*check)(std::string_view), List<std::string>& target) {
  for (const auto word : split(parsed.value, ','))
    if (const auto complaint = check(word)) return fail(usage_error(cat(parsed.spelled, " ", word, ": not ", *complaint), ""));
  read_words(parsed, target, std::identity{});
  return {};
}

Result<> read_publish(const ParsedOption& parsed, Profile& profile) {
  if (!parse_publish(parsed.value)) {
    // podman's other forms: a port alone, which gets any port of the host's, and no address, which is all of them.
    const bool port = parse_number(parsed.value).has_value();
    return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": not [ADDRESS:]HOSTPORT:PORT[/udp]"),
                            port ? cat("write ", parsed.value, ":", parsed.value) : "write e.g. 8080:80, 0.0.0.0:8080:80 or [::1]:8080:80/udp"));
  }
  profile.publish.push_back({parsed.value, origin_of(parsed)});
  return {};
}

}  // namespace

Result<> read_environment(const std::string& text, const Origin& origin, const std::string& where, Profile& profile) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  if (name.empty() || std::ranges::any_of(name, [](char c) { return c <= ' ' || c == 127; }))
    return fail(usage_error(cat(where, ": no variable's name stands before the ="), "write NAME=VALUE or NAME"));
  if (equals == std::string::npos) profile.environment_pass.push_back({name, origin});
  else profile.environment_set[name] = {text.substr(equals + 1), origin};
  return {};
}

Result<> read_memory_swap(const ParsedOption& swap, Profile& profile) {
  if (swap.value == "-1" || swap.value == "max") return set_cgroup(swap, profile, "memory.swap.max", "max"), Result<>{};
  const auto both = parse_bytes(swap.value);
  const auto memory = profile.cgroup.find("memory.max");
  std::optional<std::uint64_t> alone;
  if (memory != profile.cgroup.end()) alone = parse_bytes(memory->second.value);
  if (!both) return fail(usage_error(cat(swap.spelled, " ", swap.value, ": not a size"), "write e.g. 1G"));
  if (!alone)
    return fail(usage_error("--memory-swap counts memory and swap together and needs --memory as well",
                            "add --memory, or use --set cgroup.memory.swap.max=SIZE"));
  if (*both < *alone)
    return fail(usage_error(cat("--memory-swap ", swap.value, " is less than --memory ", memory->second.value)));
  set_cgroup(swap, profile, "memory.swap.max", std::to_string(*both - *alone));
  return {};
}

Result<bool> read_shorthand(const ParsedOption& parsed, Profile& profile) {
  const auto name = parsed.option->name;
  const auto done = [](Result<> result) -> Result<bool> {
    if (!result) return fail(std::move(result).error());
    return true;
  };
  if (name == "ro") return done(read_path(parsed, profile.filesystem.read));
  if (name == "rw") return done(read_path(parsed, profile.filesystem.write));
  if (name == "hide") return done(read_path(parsed, profile.filesystem.hide));
  if (name == "volume") return done(read_volume(parsed, profile));
  if (name == "tmpfs") return done(read_tmpfs(parsed, profile));
  if (name == "device") return done(read_device(parsed, profile));
  if (name == "workdir") return profile.workdir = {parsed.value, origin_of(parsed)}, true;
  if (name == "env")
    return done(read_environment(parsed.value, origin_of(parsed), cat(parsed.spelled, " ", parsed.value), profile));
  if (name == "user") return done(read_user(parsed, profile));
  if (name == "hostname") return profile.hostname = {parsed.value, origin_of(parsed)}, true;
  if (name == "net") return done(read_choice(parsed, profile.network_mode));
  if (name == "allow") return done(read_rules(parsed, check_network_allow, profile.network_allow));
  if (name == "deny") return done(read_rules(parsed, check_network_deny, profile.network_deny));
  if (name == "publish") return done(read_publish(parsed, profile));
  if (name == "memory") return done(read_size(parsed, profile, "memory.max"));
  if (name == "cpus") return done(read_cpus(parsed, profile));
  if (name == "cpu-shares") return done(read_shares(parsed, profile));
  if (name == "pids-limit") return done(read_pids(parsed, profile));
  if (name == "ulimit") return done(read_ulimit(parsed, profile));
  if (name == "timeout") return done(read_time(parsed, profile.wall_time));
  if (name == "stop-timeout") return done(read_time(parsed, profile.grace));
  if (name == "cap-add") return read_capabilities(parsed, profile), true;
  if (name == "cap-drop")
    return read_words(parsed, profile.capabilities, [](const std::string& word) { return cat("!", full_capability(word)); }), true;
  if (name == "require") return read_words(parsed, profile.require, std::identity{}), true;
  if (name == "accept") return read_words(parsed, profile.accept, std::identity{}), true;
  if (name == "scope") return done(read_choice(parsed, profile.scope));
  return false;
}

}  // namespace sbx
