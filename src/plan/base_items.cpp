// What stands inside without being asked for by name: the root, /dev, /proc, the home.
#include <array>
#include <cerrno>

#include "base/text.h"
#include "plan/private_addresses.h"
#include "plan/subjects.h"

namespace sbx {
namespace {

// What of the host's root a sandbox sees: the system, not the data on it.
constexpr std::array host_trees{"/usr", "/etc"};
// Packages of third parties. Root alone may be meant to read some of it, so a payload that is root doesn't get it.
constexpr const char* optional_tree = "/opt";
// Symbolic links into /usr on merged systems, directories on others.
constexpr std::array usr_names{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr std::array device_nodes{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};
constexpr std::array<std::pair<const char*, const char*>, 5> device_links{{{"/dev/fd", "/proc/self/fd"},
                                                                           {"/dev/stdin", "/proc/self/fd/0"},
                                                                           {"/dev/stdout", "/proc/self/fd/1"},
                                                                           {"/dev/stderr", "/proc/self/fd/2"},
                                                                           {"/dev/ptmx", "pts/ptmx"}}};
constexpr const char* resolver = "/etc/resolv.conf";

MountItem implied(MountItem::Kind kind, std::string target, Origin origin) {
  return {.kind = kind, .target = std::move(target), .implied = true, .origin = std::move(origin)};
}

void add_bind(std::vector<MountItem>& items, HostView& host, const std::string& path, const Origin& origin) {
  const PathFact& fact = host.look(path);
  if (fact.kind == FileKind::absent) return;
  MountItem item = implied(MountItem::Kind::bind, path, origin);
  item.source = fact.real_path;
  item.is_directory = fact.kind == FileKind::directory;
  item.dev = fact.dev;
  item.ino = fact.ino;
  items.push_back(std::move(item));
}

void add_host_root(std::vector<MountItem>& items, const SandboxSpec& spec, HostView& host) {
  const Origin& origin = spec.filesystem.root_origin;
  for (const char* path : host_trees) add_bind(items, host, path, origin);
  if (outside_uid(spec, host.facts().uid) != 0) add_bind(items, host, optional_tree, origin);
  for (const char* path : usr_names) {
    if (const std::string* text = host.link(path)) {
      MountItem item = implied(MountItem::Kind::symlink, path, origin);
      item.text = *text;
      items.push_back(std::move(item));
    } else {
      add_bind(items, host, path, origin);
    }
  }
  for (const char* path : {"/tmp", "/var/tmp"}) {
    MountItem item = implied(MountItem::Kind::tmpfs, path, origin);
    item.mode = 01777;
    items.push_back(std::move(item));
  }
  items.push_back(implied(MountItem::Kind::directory, "/run", origin));
  // Often a link into /run, which stays outside: with the host's network its name server is needed.
  if (spec.network.mode != NetworkMode::host) return;
  const PathFact& fact = host.look(resolver);
  if (fact.kind == FileKind::regular && fact.real_path.starts_with("/run/"))
    add_bind(items, host, fact.real_path, spec.network.origin);
}

// The host's may be a stub on its loopback, which is out of reach.
void add_resolver(std::vector<MountItem>& items, const SandboxSpec& spec, const NetworkFacts& facts) {
  MountItem item = implied(MountItem::Kind::file, resolver, spec.network.origin);
  item.is_directory = false;
  item.mode = 0444;
  const bool ipv4 = facts.ipv4_route || facts.pasta.empty();
  if (ipv4) item.text += cat("nameserver ", private_resolver_ipv4, "\n");
  if (facts.ipv6_route && !ipv4) item.text += cat("nameserver ", private_resolver_ipv6, "\n");
  items.push_back(std::move(item));
}

void add_devices(std::vector<MountItem>& items, HostView& host, const MountItem& root) {
  const Origin origin = "default";
  // In a tmpfs root /dev is a directory of it: one mount less, and it is sealed with the root.
  const bool own_mount = root.kind != MountItem::Kind::tmpfs;
  MountItem dev = implied(own_mount ? MountItem::Kind::tmpfs : MountItem::Kind::directory, "/dev", origin);
  dev.sealed = own_mount;
  items.push_back(std::move(dev));
  for (const char* path : device_nodes) {
    add_bind(items, host, path, origin);
    if (!items.empty() && items.back().target == path) items.back().devices = true;
  }
  for (const auto& [path, text] : device_links) {
    MountItem item = implied(MountItem::Kind::symlink, path, origin);
    item.text = text;
    items.push_back(std::move(item));
  }
  items.push_back(implied(MountItem::Kind::devpts, "/dev/pts", origin));
  MountItem shm = implied(MountItem::Kind::tmpfs, "/dev/shm", origin);
  shm.mode = 01777;
  items.push_back(std::move(shm));
}

// A runtime directory that the environment names must be there and writable, or programs complain at every start.
void add_runtime_directory(std::vector<MountItem>& items, const SandboxSpec& spec) {
  constexpr std::string_view name = "XDG_RUNTIME_DIR=";
  for (const std::string& variable : spec.environment) {
    if (!variable.starts_with(name)) continue;
    const std::string path = normalize_path(std::string_view(variable).substr(name.size()));
    if (!path.starts_with('/') || path == "/") continue;
    MountItem item = implied(MountItem::Kind::tmpfs, path, "environment XDG_RUNTIME_DIR");
    item.mode = 0700;
    items.push_back(std::move(item));
  }
}

}  // namespace

void ask_base(const SandboxSpec& spec, HostQuestions& questions) {
  std::vector<std::string>& paths = questions.paths;
  paths.insert(paths.end(), device_nodes.begin(), device_nodes.end());
  if (spec.filesystem.root == RootKind::host) {
    paths.insert(paths.end(), host_trees.begin(), host_trees.end());
    questions.names.insert(questions.names.end(), usr_names.begin(), usr_names.end());
    paths.emplace_back(optional_tree);
    if (spec.network.mode == NetworkMode::host) paths.emplace_back(resolver);
  }
  if (spec.network.mode == NetworkMode::private_nat) paths.emplace_back(resolver);
  if (spec.filesystem.root == RootKind::directory) paths.push_back(spec.filesystem.root_directory);
  if (!spec.namespaces.pid) paths.emplace_back("/proc");
}

Result<MountItem> root_item(const SandboxSpec& spec, HostView& host) {
  const FilesystemSpec& files = spec.filesystem;
  MountItem root = implied(MountItem::Kind::tmpfs, "/", files.root_origin.empty() ? "default" : files.root_origin);
  std::string source = files.root == RootKind::directory ? files.root_directory : "";
  for (const BindSpec& bind : files.binds) {
    if (bind.target != "/") continue;
    source = bind.source;
    root.read_only = bind.access == Access::read;
    root.no_exec = !bind.exec;
    root.origin = bind.origin;
  }
  if (source.empty()) return root;
  const PathFact& fact = host.look(source);
  if (fact.kind != FileKind::directory)
    return fail_errno(Step::make_plan, fact.errno_value != 0 ? fact.errno_value : fact.kind == FileKind::absent ? ENOENT : ENOTDIR,
                      cat("the root ", source, " (", root.origin, ")"), "name a directory that holds a root file system");
  root.kind = MountItem::Kind::bind;
  root.source = fact.real_path;
  root.dev = fact.dev;
  root.ino = fact.ino;
  return root;
}

std::vector<MountItem> base_items(const SandboxSpec& spec, HostView& host, const MountItem& root) {
  std::vector<MountItem> items;
  if (root.kind == MountItem::Kind::tmpfs && spec.filesystem.root == RootKind::host) add_host_root(items, spec, host);
  if (spec.network.mode == NetworkMode::private_nat) add_resolver(items, spec, host.facts().network);
  add_devices(items, host, root);
  if (spec.namespaces.pid) {
    items.push_back(implied(MountItem::Kind::proc, "/proc", "default"));
  } else {
    // A new one would be of a pid namespace that isn't the sandbox's own, which the kernel refuses.
    add_bind(items, host, "/proc", "default");
  }
  add_runtime_directory(items, spec);
  return items;
}

}  // namespace sbx
