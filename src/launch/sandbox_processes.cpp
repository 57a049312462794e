#include "launch/sandbox_processes.h"

#include <dirent.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "kernel/kernel_file.h"

namespace sbx {
namespace {

constexpr int deepest = 512;             // generations between a process and its init
constexpr int tries = 3;

// The parent's pid, the fourth field of /proc/PID/stat; the second may hold blanks and brackets (proc_pid_stat(5)).
std::optional<pid_t> parent_of(pid_t pid) {
  const std::string stat = read_kernel_file(cat("/proc/", pid, "/stat"));
  const auto end = stat.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  const auto fields = split(std::string_view(stat).substr(end + 1), ' ');
  if (fields.size() < 3) return std::nullopt;
  const auto parent = parse_number(fields[2]);
  return parent ? std::optional(static_cast<pid_t>(*parent)) : std::nullopt;
}

// The pid in the innermost namespace: the last number of NSpid in /proc/PID/status.
std::optional<pid_t> innermost_pid(pid_t pid) {
  const std::string status = read_kernel_file(cat("/proc/", pid, "/status"));
  for (const auto line : split(status, '\n'))
    if (line.starts_with("NSpid:"))
      if (const auto number = parse_number(line.substr(line.find_last_of("\t ") + 1))) return static_cast<pid_t>(*number);
  return std::nullopt;
}

}  // namespace

ProcessPlace place_of_process(pid_t pid, pid_t init) {
  // Who dies between two looks leaves its children to init: then the way up is another.
  for (int attempt = 0; attempt < tries; ++attempt) {
    pid_t at = pid;
    for (int depth = 0; depth < deepest && at > 1; ++depth) {
      if (at == init) return ProcessPlace::inside;
      const auto parent = parent_of(at);
      if (!parent && at == pid) return ProcessPlace::gone;
      if (!parent) break;
      at = *parent;
    }
    if (at <= 1) return ProcessPlace::outside;
  }
  return ProcessPlace::outside;
}

bool process_of_sandbox(pid_t inside, pid_t init) {
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), ::closedir);
  if (!processes) return false;
  while (const dirent* entry = ::readdir(processes.get())) {
    const auto pid = parse_number(entry->d_name);
    if (!pid || innermost_pid(static_cast<pid_t>(*pid)) != inside) continue;
    if (place_of_process(static_cast<pid_t>(*pid), init) == ProcessPlace::inside) return true;
  }
  return false;
}

}  // namespace sbx
