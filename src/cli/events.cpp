// sbx events: started, oom, frozen, thawed and exited, as they come.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/sandbox_commands.h"
#include "kernel/events.h"
#include "spec/cgroup_values.h"
#include "state/history.h"

namespace sbx {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
// Between init's end and the launcher's last word: how long and how often it is looked for.
constexpr auto last_word = std::chrono::seconds(3);
constexpr int look_ms = 50;
constexpr std::string_view event_names[] = {"started", "oom", "frozen", "thawed", "exited"};

struct Followed {
  RunningSandbox sandbox;
  std::optional<Cgroup> cgroup;
  bool frozen = false;
  std::uint64_t oom_kills = 0;
  std::vector<int> watches;
  std::optional<Clock::time_point> ended;  // init is gone
};

class Follower {
 public:
  Follower(const Registry& registry, bool json, std::vector<std::string> only) : registry_(registry), json_(json), only_(std::move(only)) {}

  Result<> open() {
    inotify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_) return fail_errno(Step::find_sandbox, errno, "inotify_init1", "raise fs.inotify.max_user_instances");
    const auto self = cat("/proc/self/fd/", registry_.fd());
    directory_ = ::inotify_add_watch(inotify_.get(), self.c_str(), IN_MOVED_TO | IN_DELETE);
    if (directory_ < 0) return fail_errno(Step::find_sandbox, errno, registry_.path(), "raise fs.inotify.max_user_watches");
    SBX_TRY(events_.add(inotify_.get(), EPOLLIN, [this](std::uint32_t) { read_inotify(); }));
    // Who runs already was started before: told only of what comes.
    for (auto& sandbox : list_sandboxes(registry_)) follow(std::move(sandbox));
    return {};
  }

  Result<> run(Clock::time_point deadline) {
    while (!failure_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) return {};
      const bool dying = std::ranges::any_of(followed_, [](const auto& one) { return one.second->ended.has_value(); });
      pollfd entry{events_.fd(), POLLIN, 0};
      if (::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, dying ? look_ms : 60'000))) < 0 && errno != EINTR)
        return fail_errno(Step::monitor, errno, "poll");
      events_.dispatch();
      bury();
    }
    return fail(*failure_);
  }

 private:
  void tell(std::string_view event, const std::string& id, const std::string& name, Json more) {
    if (!only_.empty() && std::ranges::find(only_, event) == only_.end()) return;
    const auto time = format_time(now_us());
    std::string text;
    if (json_) {
      Json object{{"time", time}, {"event", event}, {"id", id}, {"name", name}};
      object.update(more);
      text = object.dump(-1, ' ', false, Json::error_handler_t::replace);
    } else {
      text = cat(time, " ", event, " ", id, " ", name);
      for (const auto& [key, value] : more.items())
        text += cat(" ", key, "=", value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace));
      text = escape_control(text);
    }
    if (auto printed = print(text + "\n"); !printed) failure_ = std::move(printed).error();
  }

  void follow(RunningSandbox sandbox) {
    const auto id = sandbox.id();
    if (followed_.contains(id)) return;
    auto one = std::make_unique<Followed>(Followed{std::move(sandbox), {}, false, 0, {}, {}});
    auto& followed = *one;
    followed_[id] = std::move(one);
    static_cast<void>(events_.add(followed.sandbox.pidfd(), EPOLLIN, [this, id](std::uint32_t) { init_ended(id); }));
    auto cgroup = followed.sandbox.cgroup();
    if (!cgroup) return;
    followed.cgroup = *std::move(cgroup);
    // The kernel tells of changes of these two by inotify (cgroup-v2.rst).
    for (const auto* file : {"cgroup.events", "memory.events"}) {
      const auto path = cat(cgroup_mount(), followed.cgroup->path(), "/", file);
      const int watch = ::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY);
      if (watch < 0) continue;
      followed.watches.push_back(watch);
      watched_[watch] = id;
    }
    followed.oom_kills = oom_kills(*followed.cgroup);
    followed.frozen = is_frozen(*followed.cgroup);
  }

  static std::uint64_t oom_kills(const Cgroup& cgroup) {
    return flat_keyed_value(cgroup.read("memory.events").value_or(std::string()), "oom_kill").value_or(0);
  }
  static bool is_frozen(const Cgroup& cgroup) {
    return flat_keyed_value(cgroup.read("cgroup.events").value_or(std::string()), "frozen").value_or(0) == 1;
  }

  void look_at_cgroup(Followed& followed) {
    const auto& entry = followed.sandbox.entry();
    if (const auto kills = oom_kills(*followed.cgroup); kills > followed.oom_kills) {
      tell("oom", entry.id, entry.name, {{"oom_kills", kills}});
      followed.oom_kills = kills;
    }
    if (const bool frozen = is_frozen(*followed.cgroup); frozen != followed.frozen) {
      tell(frozen ? "frozen" : "thawed", entry.id, entry.name, Json::object());
      followed.frozen = frozen;
    }
  }

  void read_inotify() {
    alignas(inotify_event) std::array<char, 64 * (sizeof(inotify_event) + NAME_MAX + 1)> buffer{};
    for (;;) {
      const auto size = ::read(inotify_.get(), buffer.data(), buffer.size());
      if (size <= 0) return;
      for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const std::string name = event.len > 0 ? std::string(buffer.data() + at + sizeof event) : std::string();
        at += sizeof event + event.len;
        take(event, name);
      }
    }
  }

  void take(const inotify_event& event, const std::string& name) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      for (auto& sandbox : list_sandboxes(registry_)) started(std::move(sandbox));
      return;
    }
    if (event.wd != directory_) {
      const auto watched = watched_.find(event.wd);
      if (watched == watched_.end()) return;
      if ((event.mask & IN_IGNORED) != 0) return void(watched_.erase(watched));
      if (const auto found = followed_.find(watched->second); found != followed_.end()) look_at_cgroup(*found->second);
      return;
    }
    if (name.size() != id_length + 5 || !name.ends_with(".json") || !is_sandbox_id(name.substr(0, id_length))) return;
    const auto id = name.substr(0, id_length);
    if ((event.mask & IN_DELETE) != 0) return gone(id);
    if (auto file = registry_.read(id))
      if (auto sandbox = RunningSandbox::verify(*std::move(file))) started(*std::move(sandbox));
  }

  void started(RunningSandbox sandbox) {
    if (followed_.contains(sandbox.id())) return;
    const auto entry = sandbox.entry();
    tell("started", entry.id, entry.name, {{"profiles", entry.profiles}, {"command", entry.command}, {"pid", entry.init}, {"scope", entry.scope}});
    follow(std::move(sandbox));
  }

  void init_ended(const std::string& id) {
    const auto found = followed_.find(id);
    if (found == followed_.end()) return;
    events_.remove(found->second->sandbox.pidfd());
    found->second->ended = Clock::now();
  }

  // The entry is gone, which the launcher sees to last; or nobody saw to it.
  void bury() {
    std::vector<std::string> gone_ones;
    for (const auto& [id, followed] : followed_) {
      if (!followed->ended) continue;
      auto file = registry_.read(id);
      if (file && !registry_.sweep(*file) && Clock::now() - *followed->ended < last_word) continue;
      gone_ones.push_back(id);
    }
    for (const auto& id : gone_ones) gone(id);
  }

  void gone(const std::string& id) {
    const auto found = followed_.find(id);
    const auto history = read_history(registry_);
    const auto ended = std::ranges::find(history.ended.rbegin(), history.ended.rend(), id, &EndedSandbox::id);
    const bool known = ended != history.ended.rend();
    if (found == followed_.end()) {
      // It was over before it could be looked at.
      if (!known || std::ranges::find(told_, id) != told_.end()) return;
      tell("started", id, ended->name, {{"profiles", {ended->profile}}, {"command", {ended->command}}, {"scope", ended->scope}});
    }
    const auto name = found != followed_.end() ? found->second->sandbox.entry().name : ended->name;
    tell("exited", id, name, {{"ending", known ? Json(ended->ending) : Json()}, {"status", known ? Json(ended->status) : Json()}});
    told_.push_back(id);
    if (told_.size() > 256) told_.erase(told_.begin(), told_.begin() + 128);
    if (found == followed_.end()) return;
    for (const int watch : found->second->watches) {
      watched_.erase(watch);
      ::inotify_rm_watch(inotify_.get(), watch);
    }
    events_.remove(found->second->sandbox.pidfd());
    followed_.erase(found);
  }

  const Registry& registry_;
  const bool json_;
  const std::vector<std::string> only_;
  Events events_;
  UniqueFd inotify_;
  int directory_ = -1;
  std::map<std::string, std::unique_ptr<Followed>> followed_;
  std::map<int, std::string> watched_;
  std::vector<std::string> told_;  // the ids that "exited" was said of last
  std::optional<Error> failure_;
};

}  // namespace

Result<int> events_command(const ParsedLine& line) {
  if (!line.words.empty()) return fail(usage_error(cat("unexpected word ", line.words[0]), "see sbx help events"));
  std::vector<std::string> only;
  auto deadline = Clock::now() + std::chrono::hours(24 * 365 * 10);
  for (const auto& parsed : line.options) {
    if (parsed.option->name == "event") {
      if (std::ranges::find(event_names, parsed.value) == std::end(event_names))
        return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": there is no such event"), "write started, oom, frozen, thawed or exited"));
      only.push_back(parsed.value);
    } else if (parsed.option->name == "timeout") {
      const auto span = parse_time_span(parsed.value);
      if (!span) return fail(usage_error(cat(parsed.spelled, " ", parsed.value, ": not a span of time"), "write e.g. 30 (seconds) or 1min"));
      if (*span < 1'000'000'000'000U) deadline = Clock::now() + std::chrono::microseconds(*span);
    }
  }
  SBX_TRY(require_pidfds());
  SBX_ASSIGN(const auto registry, Registry::open());
  Follower follower(registry, line.has("json"), std::move(only));
  SBX_TRY(follower.open());
  SBX_TRY(follower.run(deadline));
  return 0;
}

}  // namespace sbx
