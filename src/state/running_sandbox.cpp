#include "state/running_sandbox.h"

#include <linux/magic.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "base/text.h"
#include "kernel/kernel_file.h"
#include "kernel/pidfd.h"
#include "state/process_identity.h"

namespace sbx {
namespace {

constexpr std::size_t largest_details = 16U << 20U;
constexpr auto details_patience = std::chrono::seconds(2);

bool is_alive(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

// Why the pidfd's process isn't the init that the entry says; empty: it is. Only to be believed while that process is
// alive: until then its pid can't be another's.
std::string difference(const SandboxEntry& entry, std::int64_t holder, int pidfd) {
  if (const auto inode = pidfd_inode(pidfd); entry.pidfd_inode != 0 && inode != entry.pidfd_inode)
    return cat("process ", entry.init, " is another one by now");
  const auto stat = parse_process_stat(read_kernel_file(cat("/proc/", entry.init, "/stat")));
  if (!stat || stat->start_time != entry.start_time) return cat("process ", entry.init, " is another one by now");
  if (stat->parent != holder) return cat("process ", entry.init, " is no child of the sbx that holds the file");
  if (entry.cgroup.empty()) return {};
  const auto cgroup = cgroup_of(static_cast<pid_t>(entry.init));
  return cgroup && *cgroup == entry.cgroup ? "" : cat("process ", entry.init, " isn't in ", entry.cgroup);
}

std::string why_not(const RegistryFile& file, UniqueFd& pidfd) {
  if (!file.entry) return cat("the file is ", file.fault);
  const auto& entry = *file.entry;
  if (file.holder == 0) return "no sbx holds the file";
  if (entry.boot_id != boot_id()) return "it is of an earlier boot";
  if (file.holder < 0 || entry.pid_namespace != own_pid_namespace()) return "it was started in another pid namespace";
  if (file.holder != entry.launcher) return "the file is held by another process than it names";
  pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(entry.init), 0)));
  if (!pidfd) return errno == ESRCH ? "it has ended" : cat("pidfd_open: ", errno_text(errno));
  auto different = difference(entry, file.holder, pidfd.get());
  if (!is_alive(pidfd.get())) return "it has ended";
  return different;
}

std::vector<std::string_view> known_words(const std::vector<RunningSandbox>& all) {
  std::vector<std::string_view> words;
  for (const auto& sandbox : all) {
    words.emplace_back(sandbox.entry().name);
    words.emplace_back(sandbox.id());
  }
  return words;
}

// Each sandbox that is listed holds a pidfd.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

std::uint64_t pidfd_inode(int pidfd) {
  struct statfs system {};
  struct stat facts {};
  // Before 6.9 every pidfd has the one inode of anon_inodefs.
  constexpr long pid_fs_magic = 0x50494446;
  if (::fstatfs(pidfd, &system) != 0 || static_cast<long>(system.f_type) != pid_fs_magic) return 0;
  return ::fstat(pidfd, &facts) == 0 ? facts.st_ino : 0;
}

std::uint64_t start_time_of(pid_t pid) {
  const auto stat = parse_process_stat(read_kernel_file(cat("/proc/", pid, "/stat")));
  return stat ? stat->start_time : 0;
}

std::optional<RunningSandbox> RunningSandbox::verify(RegistryFile file, std::string* why) {
  RunningSandbox sandbox;
  auto reason = why_not(file, sandbox.pidfd_);
  if (reason.empty()) {
    sandbox.entry_ = *std::move(file.entry);
    return sandbox;
  }
  if (why != nullptr) *why = std::move(reason);
  return std::nullopt;
}

bool RunningSandbox::alive() const { return is_alive(pidfd_.get()); }

Result<Cgroup> RunningSandbox::cgroup() const {
  if (entry_.cgroup.empty())
    return fail(Step::control_sandbox, ErrorKind::host, cat("sandbox ", entry_.name, " has no cgroup of its own"),
                "start it where a service manager answers: sbx doctor tells");
  SBX_ASSIGN(auto cgroup, Cgroup::open(entry_.cgroup));
  // As long as init lives, and it was in that cgroup, the path can't have been given to another one.
  if (!alive()) return fail_errno(Step::control_sandbox, ESRCH, cat("sandbox ", entry_.name, " has ended"));
  return cgroup;
}

Result<SandboxDetails> RunningSandbox::details(const Registry& registry) const {
  const auto deadline = std::chrono::steady_clock::now() + details_patience;
  for (;;) {
    const auto text = registry.read_file(cat(id(), ".details.json"), largest_details);
    if (text) {
      SBX_ASSIGN(auto details, parse_details(*text));
      if (details.id != id()) return fail(Step::find_sandbox, ErrorKind::host, cat(registry.path(), "/", id(), ".details.json is of another sandbox"));
      return details;
    }
    if (!alive()) return fail_errno(Step::find_sandbox, ESRCH, cat("sandbox ", entry_.name, " has ended"));
    if (std::chrono::steady_clock::now() > deadline)
      return fail(Step::find_sandbox, ErrorKind::host, cat("sandbox ", entry_.name, " has not written ", id(), ".details.json to ", registry.path()),
                  "see whether its sbx is stopped, or the directory full");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Result<> RunningSandbox::signal(int signal) const {
  const int error = pidfd_signal(pidfd_.get(), signal);
  if (error == -ESRCH) return fail_errno(Step::control_sandbox, ESRCH, cat("sandbox ", entry_.name, " has ended"));
  if (error != 0) return fail_errno(Step::control_sandbox, -error, cat("signal ", signal, " to sandbox ", entry_.name));
  return {};
}

std::vector<RunningSandbox> list_sandboxes(const Registry& registry) {
  std::vector<RunningSandbox> all;
  const auto ids = registry.ids();
  if (ids.size() > 200) raise_descriptor_limit();
  for (const auto& id : ids) {
    auto file = registry.read(id);
    if (!file || registry.sweep(*file)) continue;
    if (auto sandbox = RunningSandbox::verify(*std::move(file))) all.push_back(*std::move(sandbox));
  }
  std::ranges::stable_sort(all, {}, [](const RunningSandbox& one) { return one.entry().created_us; });
  return all;
}

Result<> require_pidfds() {
  const UniqueFd own(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (own) return {};
  return fail(Error{Step::find_sandbox, ErrorKind::host, errno, "pidfd_open, without which no process can be told from a later one of the same number",
                    "run sbx on Linux 5.3 or later, outside of a filter that hides the call"});
}

Result<RunningSandbox> find_sandbox(const Registry& registry, std::string_view text) {
  SBX_TRY(require_pidfds());
  // Straight to the file where the whole id is given.
  if (is_sandbox_id(text))
    if (auto file = registry.read(std::string(text)))
      if (auto sandbox = RunningSandbox::verify(*std::move(file))) return *std::move(sandbox);
  auto all = list_sandboxes(registry);
  const auto named = std::ranges::find_if(all, [&](const auto& one) { return one.entry().name == text || one.id() == text; });
  if (named != all.end()) return std::move(*named);
  std::vector<std::size_t> begin_so;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!text.empty() && all[i].id().starts_with(text)) begin_so.push_back(i);
  if (begin_so.size() == 1) return std::move(all[begin_so[0]]);
  if (begin_so.size() > 1) {
    std::vector<std::string> ids;
    for (const auto index : begin_so) ids.push_back(all[index].id());
    return fail(Step::find_sandbox, ErrorKind::usage, cat(ids.size(), " sandboxes have ids that begin with ", text, ": ", join(ids, ", ")), "give more of the id");
  }
  const auto near = nearest(text, known_words(all));
  return fail(Step::find_sandbox, ErrorKind::usage, cat("no sandbox of yours named ", text, " is running"),
              near ? cat("did you mean ", *near, "?") : all.empty() ? "none is: sbx run starts one" : "see sbx ps");
}

Result<RunningSandbox> find_sandbox(std::string_view text) {
  SBX_ASSIGN(const auto registry, Registry::open());
  return find_sandbox(registry, text);
}

}  // namespace sbx
