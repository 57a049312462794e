// The options of `sbx run`, read: podman's value syntax and sbx's own to parts of a profile. Pure.
#pragma once
#include "cli/options.h"
#include "profile/profile.h"

namespace sbx {

enum class ReportForm : std::uint8_t { none, text, json };
struct ReportTarget {
  ReportForm form = ReportForm::none;
  std::string file;  // with json; empty: `fd`
  int fd = 2;
};

enum class LogTarget : std::uint8_t { none, journal };

// podman's --sdnotify: who speaks to the service manager.
enum class NotifyMode : std::uint8_t { automatic, container, conmon, ignore };

struct EnvironmentFile {
  std::string path, spelled;
};

struct RunRequest {
  std::vector<std::string> profiles;               // empty: the default one
  std::vector<EnvironmentFile> environment_files;  // read by the caller of this, below `overlays`
  // What --set and the shorthands say, in the order given, each to be merged over the profile: an item "!x" must meet
  // the profile's own x.
  std::vector<Profile> overlays;
  bool read_only = false;  // the profiles' writable paths become read-only
  bool clear_environment = false;
  bool drop_all_capabilities = false;  // those of the profiles
  std::string name;                    // empty: a random one
  TerminalMode terminal = TerminalMode::automatic;
  std::vector<int> pass_fds;
  int status_fd = -1;
  NotifyMode notify = NotifyMode::automatic;
  bool forking = false;
  ReportTarget report;
  LogTarget log = LogTarget::none;
  std::string trace_file;  // empty: none
  bool explain = false;
  bool detach = false;
  std::vector<std::string> argv;
};

Result<RunRequest> read_run_options(const ParsedLine& line);
// The lines of an --env-file as part of a profile.
Result<Profile> parse_environment_file(std::string_view text, const EnvironmentFile& file);
// Applies --read-only, --clear-env and --cap-drop ALL to what the profiles said, before the overlay goes on top.
void apply_restrictions(const RunRequest& request, Profile& profile);

// cgroup v2's weight (1 to 10000) of podman's CPU shares (2 to 262144), as crun and systemd convert it.
std::uint64_t weight_of_shares(std::uint64_t shares);

}  // namespace sbx
