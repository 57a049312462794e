#include "state/usage.h"

#include <dirent.h>
#include <unistd.h>

#include <memory>

#include "base/text.h"
#include "kernel/kernel_file.h"
#include "spec/cgroup_values.h"

namespace sbx {
namespace {

std::string text_of(const Cgroup& cgroup, const char* file) { return cgroup.read(file).value_or(std::string()); }

void read_cgroup(const Cgroup& cgroup, Usage& usage) {
  const auto one = [&](const char* file) { return single_value(text_of(cgroup, file)); };
  usage.from_cgroup = true;
  const auto cpu = text_of(cgroup, "cpu.stat");
  usage.cpu_us = flat_keyed_value(cpu, "usage_usec");
  usage.cpu_user_us = flat_keyed_value(cpu, "user_usec");
  usage.cpu_system_us = flat_keyed_value(cpu, "system_usec");
  usage.throttled_us = flat_keyed_value(cpu, "throttled_usec");
  usage.throttled_periods = flat_keyed_value(cpu, "nr_throttled");
  usage.memory = one("memory.current");
  usage.memory_peak = one("memory.peak");
  usage.swap = one("memory.swap.current");
  usage.memory_limit = one("memory.max");
  usage.pids = one("pids.current");
  usage.pids_limit = one("pids.max");
  if (auto limit = cgroup.read("cpu.max")) usage.cpu_limit = *std::move(limit);
  usage.oom_kills = flat_keyed_value(text_of(cgroup, "memory.events"), "oom_kill");
  const auto io = text_of(cgroup, "io.stat");
  usage.io_read = nested_keyed_sum(io, "rbytes");
  usage.io_write = nested_keyed_sum(io, "wbytes");
  // An io controller that is on, and nothing done yet: the file is there and empty.
  if (const auto there = cgroup.read("io.stat"); there && there->empty()) usage.io_read = usage.io_write = 0;
  usage.pressure = {pressure_avg10(text_of(cgroup, "cpu.pressure")), pressure_avg10(text_of(cgroup, "memory.pressure")),
                    pressure_avg10(text_of(cgroup, "io.pressure"))};
  usage.frozen = flat_keyed_value(text_of(cgroup, "cgroup.events"), "frozen").value_or(0) == 1;
}

}  // namespace

// One pass over /proc for any number of sandboxes.
void UsageReader::look() {
  if (seen_) return;
  seen_ = true;
  processes_.clear();
  children_.clear();
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir("/proc"), ::closedir);
  if (!stream) return;
  while (const dirent* entry = ::readdir(stream.get())) {
    const auto pid = parse_number(entry->d_name);
    if (!pid) continue;
    const auto usage = parse_process_usage(read_kernel_file(cat("/proc/", entry->d_name, "/stat")));
    if (!usage) continue;
    processes_.emplace(static_cast<std::int64_t>(*pid), *usage);
    children_.emplace(usage->parent, static_cast<std::int64_t>(*pid));
  }
}

// What loses its parent inside becomes init's child (pid_namespaces(7)), and without a pid namespace as well: init is a
// subreaper then.
std::vector<std::int64_t> UsageReader::descendants(std::int64_t init) {
  look();
  std::vector<std::int64_t> found;
  const auto add_children = [&](std::int64_t pid) {
    const auto [begin, end] = children_.equal_range(pid);
    for (auto child = begin; child != end; ++child) found.push_back(child->second);
  };
  add_children(init);
  for (std::size_t i = 0; i < found.size(); ++i) add_children(found[i]);
  return found;
}

std::vector<std::int64_t> UsageReader::processes(const RunningSandbox& sandbox) {
  if (!sandbox.entry().cgroup.empty()) refresh();
  return descendants(sandbox.init());
}

Usage UsageReader::read(const RunningSandbox& sandbox) {
  Usage usage;
  if (const auto cgroup = sandbox.cgroup()) {
    read_cgroup(*cgroup, usage);
  } else {
    std::uint64_t ticks = 0, pages = 0, threads = 0;
    auto all = descendants(sandbox.init());
    all.push_back(sandbox.init());
    for (const auto pid : all) {
      const auto found = processes_.find(pid);
      if (found == processes_.end()) continue;
      ticks += found->second.ticks;
      pages += found->second.resident_pages;
      threads += found->second.threads;
    }
    const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    usage.cpu_us = ticks * 1'000'000U / (per_second == 0 ? 100 : per_second);
    usage.memory = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    usage.pids = threads;
  }
  // The caller's own network is nobody's in particular.
  if (sandbox.entry().own_network) {
    const auto traffic = device_traffic(read_kernel_file(cat("/proc/", sandbox.init(), "/net/dev")));
    usage.net_in = traffic.in;
    usage.net_out = traffic.out;
  }
  return usage;
}

}  // namespace sbx
