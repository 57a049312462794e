#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "profile/fields.h"
#include "profile/lower_internal.h"

namespace sbx {
namespace {

// A home that can be mounted over: not one of the system's directories, which accounts of services often name.
bool is_usable_home(const std::string& home) {
  static constexpr std::array system = {"/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
                                        "/proc", "/sys", "/dev", "/boot", "/nonexistent"};
  if (!home.starts_with('/') || home == "/" || home == "/var" || home == "/run" || home == "/tmp") return false;
  return std::ranges::none_of(system, [&](const char* path) { return is_at_or_below(home, path); });
}

// A file name for the kept home: other names can't collide with it, nor leave the directory.
std::string directory_name(std::string_view profile) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (const char c : profile) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (plain || (c == '.' && !out.empty())) out += c;
    else out += {'%', hex[byte >> 4U], hex[byte & 15U]};
  }
  return out;
}

Result<> lower_root(const Profile& profile, const CallerContext& caller, FilesystemSpec& out) {
  const auto& root = profile.filesystem.root;
  out.root_origin = root ? root->origin : "default";
  if (!root || root->value == "empty") return {};
  if (root->value == "host") {
    out.root = RootKind::host;
    return {};
  }
  out.root = RootKind::directory;
  SBX_ASSIGN(out.root_directory, expand_path(root->value, "filesystem.root", root->origin, caller));
  return {};
}

Result<> lower_home(const Profile& profile, const CallerContext& caller, SandboxSpec& spec) {
  auto& out = spec.filesystem;
  const auto& home = profile.filesystem.home;
  out.home_origin = home ? home->origin : "default";
  if (!home || home->value == "none") return {};
  // The caller's own path, root inside or not, so that what refers to it by name holds inside as well.
  const std::string path = caller.home.empty() ? "" : normalize_path(caller.home);
  out.home_path = is_usable_home(path) ? path
                  : caller.uid == 0    ? "/root"
                                       : cat("/home/", caller.user_name.empty() ? "user" : caller.user_name);
  if (home->value == "private") {
    out.home = HomeKind::private_tmpfs;
  } else if (home->value == "host") {
    out.home = HomeKind::host;
    if (!is_usable_home(path))
      return lower_error(home->origin, caller.home.empty() ? "filesystem.home is \"host\", but HOME is not set"
                                                           : cat("filesystem.home is \"host\", but the home is ", caller.home),
                         "set HOME to the caller's home directory, or use home = \"private\"");
    out.home_source = path;
  } else {
    out.home = HomeKind::persistent;
    if (caller.state_dir.empty())
      return lower_error(home->origin, "filesystem.home is \"persistent\", but neither XDG_STATE_HOME nor HOME is set",
                         "set one of them, or use home = \"private\"");
    out.home_source = cat(caller.state_dir, "/homes/", directory_name(spec.profile));
  }
  return {};
}

class BindLowering {
 public:
  BindLowering(const CallerContext& caller, FilesystemSpec& out) : caller_(caller), out_(out) {}

  Result<> paths(const List<std::string>& list, std::string_view key, Access access) {
    for (const auto& item : settled(list)) {
      SBX_ASSIGN(auto path, expand_path(item.value, key, item.origin, caller_));
      SBX_TRY(add({path, path, access, true, false, item.origin}));
    }
    return {};
  }
  Result<> binds(const List<ProfileBind>& list) {
    for (const auto& [bind, origin] : settled_entries(list)) {
      SBX_ASSIGN(auto source, expand_path(bind.source, "filesystem.bind.source", origin, caller_));
      SBX_ASSIGN(auto target, expand_path(bind.target, "filesystem.bind.target", origin, caller_));
      SBX_TRY(add({std::move(source), std::move(target), bind.access, bind.exec, bind.optional, origin}));
    }
    return {};
  }

 private:
  // Each target once. Two that say the same are one; two that differ are an error, since neither loosening nor
  // narrowing may hang on the order of lists.
  Result<> add(BindSpec bind) {
    const auto [known, fresh] = index_.try_emplace(bind.target, out_.binds.size());
    if (fresh) return out_.binds.push_back(std::move(bind)), Result<>{};
    auto& earlier = out_.binds[known->second];
    if (earlier.source != bind.source)
      return lower_error(bind.origin, cat(bind.target, " is to be both ", earlier.source, " (", earlier.origin, ") and ", bind.source),
                         cat("take one of them away, such as with \"!", bind.target, "\""));
    if (earlier.access != bind.access)
      return lower_error(bind.origin, cat(bind.target, " is asked for both as read and as write (", earlier.origin, ")"),
                         cat("take one of them away, such as with \"!", bind.target, "\""));
    earlier.exec = earlier.exec && bind.exec;
    earlier.optional = earlier.optional && bind.optional;
    return {};
  }

  const CallerContext& caller_;
  FilesystemSpec& out_;
  std::unordered_map<std::string, std::size_t> index_;
};

// One entry a path, the last one said.
template <typename Entry>
void keep_last(std::vector<Entry>& entries) {
  std::unordered_set<std::string> met;
  std::vector<Entry> out;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
    if (met.insert(entry->path).second) out.push_back(std::move(*entry));
  entries.assign(std::make_move_iterator(out.rbegin()), std::make_move_iterator(out.rend()));
}

Result<> lower_tmpfs(const Profile& profile, const CallerContext& caller, FilesystemSpec& out) {
  for (const auto& [tmpfs, origin] : settled_entries(profile.filesystem.tmpfs)) {
    TmpfsSpec spec{.path = {}, .size_bytes = 0, .mode = 0755, .origin = origin};
    SBX_ASSIGN(spec.path, expand_path(tmpfs.path, "filesystem.tmpfs.path", origin, caller));
    if (!tmpfs.size.empty()) spec.size_bytes = parse_bytes(tmpfs.size).value_or(0);
    if (spec.path == "/tmp" || spec.path == "/var/tmp" || spec.path == "/dev/shm") spec.mode = 01777;
    if (spec.path == out.home_path || (!caller.home.empty() && spec.path == normalize_path(caller.home)) ||
        (!caller.runtime_dir.empty() && spec.path == normalize_path(caller.runtime_dir)))
      spec.mode = 0700;
    out.tmpfs.push_back(std::move(spec));
  }
  keep_last(out.tmpfs);
  return {};
}

}  // namespace

Result<> lower_filesystem(const Profile& profile, const CallerContext& caller, SandboxSpec& spec) {
  auto& out = spec.filesystem;
  const auto& said = profile.filesystem;
  SBX_TRY(lower_root(profile, caller, out));
  SBX_TRY(lower_home(profile, caller, spec));
  if (said.proc) out.proc = said.proc->value == "full" ? ProcView::full : said.proc->value == "hidepid" ? ProcView::hidepid : ProcView::masked;
  BindLowering binds(caller, out);
  SBX_TRY(binds.paths(said.read, "filesystem.read", Access::read));
  SBX_TRY(binds.paths(said.write, "filesystem.write", Access::write));
  SBX_TRY(binds.binds(said.bind));
  for (const auto& item : settled(said.hide)) {
    SBX_ASSIGN(auto path, expand_path(item.value, "filesystem.hide", item.origin, caller));
    out.hides.push_back({std::move(path), item.origin});
  }
  keep_last(out.hides);
  SBX_TRY(lower_tmpfs(profile, caller, out));
  for (const auto& [link, origin] : settled_entries(said.symlink)) {
    SBX_ASSIGN(auto path, expand_path(link.target, "filesystem.symlink.target", origin, caller));
    out.symlinks.push_back({std::move(path), link.to, origin});
  }
  keep_last(out.symlinks);
  for (const auto& [file, origin] : settled_entries(said.file)) {
    SBX_ASSIGN(auto path, expand_path(file.path, "filesystem.file.path", origin, caller));
    out.files.push_back({std::move(path), file.content, origin});
  }
  keep_last(out.files);
  for (const auto& item : settled(said.devices)) {
    SBX_ASSIGN(auto path, expand_path(item.value, "filesystem.devices", item.origin, caller));
    out.devices.push_back({std::move(path), item.origin});
  }
  keep_last(out.devices);
  return {};
}

}  // namespace sbx
