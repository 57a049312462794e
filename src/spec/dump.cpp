#include "spec/dump.h"
#include "spec/network_text.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(RootKind kind) { return kind == RootKind::host ? "host" : kind == RootKind::empty ? "empty" : "directory"; }
const char* name_of(HomeKind kind) {
  switch (kind) {
    case HomeKind::private_tmpfs: return "private";
    case HomeKind::persistent: return "persistent";
    case HomeKind::host: return "host";
    case HomeKind::none: break;
  }
  return "none";
}
const char* name_of(ProcView view) { return view == ProcView::masked ? "masked" : view == ProcView::full ? "full" : "hidepid"; }
const char* name_of(Access access) { return access == Access::read ? "read" : "write"; }
const char* name_of(ScopeMode mode) { return mode == ScopeMode::automatic ? "auto" : mode == ScopeMode::require ? "require" : "none"; }
const char* name_of(LandlockMode mode) { return mode == LandlockMode::automatic ? "auto" : mode == LandlockMode::require ? "require" : "off"; }
const char* name_of(SeccompErrno action) { return action == SeccompErrno::eperm ? "EPERM" : action == SeccompErrno::kill ? "kill" : "log"; }
const char* name_of(TerminalMode mode) { return mode == TerminalMode::automatic ? "auto" : mode == TerminalMode::require ? "require" : "none"; }

std::string octal(std::uint32_t mode) {
  std::string out;
  for (; mode != 0; mode >>= 3U) out.insert(out.begin(), static_cast<char>('0' + (mode & 7U)));
  return "0" + out;
}
// Unset: null. UINT64_MAX: "max", as cgroup v2 writes it.
Json limit(const std::optional<std::uint64_t>& value) {
  if (!value) return nullptr;
  return *value == UINT64_MAX ? Json("max") : Json(*value);
}
Json rlimit(std::uint64_t value) { return value == UINT64_MAX ? Json("unlimited") : Json(value); }

template <typename Entry, typename F>
Json list(const std::vector<Entry>& entries, F one) {
  Json out = Json::array();
  for (const auto& entry : entries) out.push_back(one(entry));
  return out;
}

Json dump_filesystem(const FilesystemSpec& files) {
  Json out;
  out["root"] = {{"kind", name_of(files.root)}, {"directory", files.root_directory}, {"origin", files.root_origin}};
  out["home"] = {{"kind", name_of(files.home)}, {"path", files.home_path}, {"source", files.home_source}, {"origin", files.home_origin}};
  out["proc"] = name_of(files.proc);
  out["bind"] = list(files.binds, [](const BindSpec& bind) {
    return Json{{"source", bind.source}, {"target", bind.target}, {"access", name_of(bind.access)}, {"exec", bind.exec},
                {"optional", bind.optional}, {"origin", bind.origin}};
  });
  out["hide"] = list(files.hides, [](const HideSpec& hide) { return Json{{"path", hide.path}, {"origin", hide.origin}}; });
  out["tmpfs"] = list(files.tmpfs, [](const TmpfsSpec& tmpfs) {
    return Json{{"path", tmpfs.path}, {"size", tmpfs.size_bytes}, {"mode", octal(tmpfs.mode)}, {"origin", tmpfs.origin}};
  });
  out["symlink"] = list(files.symlinks, [](const SymlinkSpec& link) { return Json{{"path", link.path}, {"to", link.to}, {"origin", link.origin}}; });
  out["file"] = list(files.files, [](const FileSpec& file) { return Json{{"path", file.path}, {"content", file.content}, {"origin", file.origin}}; });
  out["devices"] = list(files.devices, [](const DeviceSpec& device) { return Json{{"path", device.path}, {"origin", device.origin}}; });
  return out;
}

Json dump_cgroup(const CgroupSpec& cgroup) {
  Json out;
  out["memory.max"] = limit(cgroup.memory_max);
  out["memory.high"] = limit(cgroup.memory_high);
  out["memory.swap.max"] = limit(cgroup.memory_swap_max);
  out["cpu.max"] = nullptr;
  if (cgroup.cpu_quota_us) {
    const bool unlimited = *cgroup.cpu_quota_us == UINT64_MAX;
    out["cpu.max"] = cat(unlimited ? "max" : std::to_string(*cgroup.cpu_quota_us), " ", cgroup.cpu_period_us);
  }
  out["cpu.weight"] = limit(cgroup.cpu_weight);
  out["pids.max"] = limit(cgroup.pids_max);
  out["io.weight"] = limit(cgroup.io_weight);
  out["origins"] = cgroup.origins;
  return out;
}

Json dump_network(const NetworkSpec& network) {
  Json out;
  out["mode"] = network_mode_name(network.mode);
  out["allow"] = list(network.allow, [](const AllowSpec& one) { return Json{{"what", one.text}, {"origin", one.origin}}; });
  out["deny"] = list(network.deny, [](const AllowSpec& one) { return Json{{"what", one.text}, {"origin", one.origin}}; });
  out["publish"] = list(network.publish, [](const PublishSpec& one) { return Json{{"what", publish_text(one)}, {"origin", one.origin}}; });
  out["origin"] = network.origin;
  return out;
}

Json to_json(const SandboxSpec& spec) {
  Json out;
  out["name"] = spec.name;
  out["profile"] = spec.profile;
  out["command"] = {{"argv", spec.argv}, {"workdir", spec.workdir}, {"workdir_required", spec.workdir_required}};
  out["filesystem"] = dump_filesystem(spec.filesystem);
  const auto& spaces = spec.namespaces;
  out["namespaces"] = {{"user", spaces.user}, {"mount", spaces.mount}, {"pid", spaces.pid}, {"net", spaces.net}, {"ipc", spaces.ipc},
                       {"uts", spaces.uts}, {"cgroup", spaces.cgroup}, {"time", spaces.time}, {"nested", spaces.nested}};
  out["identity"] = {{"hostname", spec.identity.hostname}, {"uid", spec.identity.uid}, {"gid", spec.identity.gid}, {"subids", spec.identity.subids}};
  out["network"] = dump_network(spec.network);
  out["cgroup"] = dump_cgroup(spec.cgroup);
  Json properties = Json::array();
  for (const auto& [name, value] : spec.scope.properties) properties.push_back(cat(name, "=", value));
  out["systemd"] = {{"scope", name_of(spec.scope.mode)}, {"slice", spec.scope.slice}, {"name", spec.scope.name},
                    {"description", spec.scope.description}, {"properties", properties}};
  out["seccomp"] = {{"default", spec.seccomp.default_deny ? "deny" : "allow"}, {"allow", spec.seccomp.allow}, {"deny", spec.seccomp.deny},
                    {"errno", name_of(spec.seccomp.action)}, {"architectures", spec.seccomp.architectures}, {"origin", spec.seccomp.origin}, {"origins", spec.seccomp.origins}};
  out["capabilities"] = {{"keep", spec.capabilities}};
  out["landlock"] = {{"mode", name_of(spec.landlock)}};
  out["rlimits"] = list(spec.rlimits, [](const RlimitSpec& each) {
    return Json{{"name", each.name}, {"soft", rlimit(each.soft)}, {"hard", rlimit(each.hard)}, {"origin", each.origin}};
  });
  out["environment"] = spec.environment;
  out["limits"] = {{"wall_time_us", spec.limits.wall_time_us}, {"grace_us", spec.limits.grace_us}};
  out["terminal"] = name_of(spec.terminal);
  out["pass_fds"] = spec.pass_fds;
  out["fallback"] = {{"require", spec.require}, {"accept", spec.accept}};
  return out;
}

// "filesystem.bind = {...}": one line a value; the items of a list stand under the list's name.
void flatten(const Json& value, const std::string& path, std::vector<std::string>& lines) {
  if (value.is_object()) {
    for (const auto& [name, inner] : value.items())
      if (name != "origin" && name != "origins") flatten(inner, path.empty() ? name : cat(path, ".", name), lines);
    return;
  }
  if (value.is_array()) {
    for (auto item : value) {
      if (item.is_object()) item.erase("origin");
      lines.push_back(cat(path, " = ", item.dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    return;
  }
  lines.push_back(cat(path, " = ", value.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

std::string key_of(const std::string& line) { return line.substr(0, line.find(" = ")); }

}  // namespace

std::string dump_spec(const SandboxSpec& spec) {
  // Paths are bytes; what is no UTF-8 shows as U+FFFD.
  return to_json(spec).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string diff_dumps(const std::string& before, const std::string& after) {
  std::vector<std::string> old_lines;
  std::vector<std::string> new_lines;
  flatten(Json::parse(before, nullptr, false), "", old_lines);
  flatten(Json::parse(after, nullptr, false), "", new_lines);
  std::map<std::string, long> surplus;  // above 0: lines that `before` alone has
  for (const auto& line : old_lines) ++surplus[line];
  for (const auto& line : new_lines) --surplus[line];
  // Key by key in the order of the dump, which is the same for both: what goes, then what comes.
  std::vector<std::string> keys;
  std::map<std::string, std::pair<std::string, std::string>> by_key;
  for (const auto& line : old_lines) {
    const auto [at, fresh] = by_key.try_emplace(key_of(line));
    if (fresh) keys.push_back(at->first);
    if (auto& left = surplus[line]; left > 0) --left, at->second.first += cat("- ", line, "\n");
  }
  for (const auto& line : new_lines) {
    const auto [at, fresh] = by_key.try_emplace(key_of(line));
    if (fresh) keys.push_back(at->first);
    if (auto& left = surplus[line]; left < 0) ++left, at->second.second += cat("+ ", line, "\n");
  }
  std::string out;
  for (const auto& key : keys) out += by_key[key].first + by_key[key].second;
  return out;
}

}  // namespace sbx
