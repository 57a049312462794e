// Launches a plan made by hand, so that the launcher can be tried without profiles and planning:
//   handmade [--classic] [--no-user] [--binds N] COMMAND [ARGUMENT...]
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "base/fault.h"
#include "base/text.h"
#include "launch/launcher.h"

namespace {

using namespace sbx;

void mount_system(LaunchPlan& plan) {
  const auto add = [&](MountOperation operation) { plan.mounts.push_back({std::move(operation), "handmade"}); };
  for (const char* path : {"/usr", "/etc"}) add(BindTree{path, path});
  for (const char* name : {"bin", "sbin", "lib", "lib64"}) add(MakeSymlink{cat("/", name), cat("usr/", name)});
  add(MountProc{});
  add(MountTmpfs{"/tmp", 1 << 20, 01777});
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    const std::string path = cat("/dev/", name);
    add(MakeFile{path, ""});
    add(BindTree{path, path, false, false, true, true});
  }
  add(MountDevpts{});
  add(MakeSymlink{"/dev/ptmx", "pts/ptmx"});
  add(MountTmpfs{"/dev/shm", 0, 01777});
}

}  // namespace

int main(int argc, char** argv) {
  load_faults();
  LaunchPlan plan;
  plan.clone_flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  plan.ids.uid = ::geteuid(), plan.ids.gid = ::getegid();
  plan.ids.uid_map = {{plan.ids.uid, plan.ids.uid, 1}};
  plan.ids.gid_map = {{plan.ids.gid, plan.ids.gid, 1}};
  plan.accept = {"seccomp"};
  plan.hostname = "sandbox";
  plan.environment = {"PATH=/usr/bin:/bin", "HOME=/tmp"};
  mount_system(plan);
  int at = 1;
  for (; at < argc && argv[at][0] == '-'; ++at) {
    if (std::strcmp(argv[at], "--classic") == 0) plan.new_mount_api = false;
    if (std::strcmp(argv[at], "--no-user") == 0) {
      plan.clone_flags &= ~static_cast<std::uint64_t>(CLONE_NEWUSER);
      plan.ids.uid_map.clear(), plan.ids.gid_map.clear();
    }
    if (std::strcmp(argv[at], "--binds") == 0 && ++at < argc)
      for (std::uint64_t i = 0; i < parse_number(argv[at]).value_or(0); ++i)
        plan.mounts.push_back({BindTree{"/usr/share", cat("/many/", i)}, "handmade"});
    if (std::strcmp(argv[at], "--layer") == 0) {
      using Kind = LayerEntry::Kind;
      plan.mounts.push_back({LayerDirectory{"/etc",
                                            {{"added.d", Kind::directory, ""},
                                             {"added.d/file", Kind::file, "hello\n"},
                                             {"motd", Kind::whiteout, ""},
                                             {"link", Kind::symlink, "added.d/file"}},
                                            {}},
                             "handmade"});
    }
    if (std::strcmp(argv[at], "--placeholder") == 0 && ++at < argc) {
      const std::string path = cat("/tmp/handmade/", argv[at]);
      plan.mounts.push_back({BindTree{"/tmp/handmade", "/tmp/handmade", true, false}, "handmade"});
      plan.placeholders.push_back({path, "handmade"});
      plan.mounts.push_back({HidePath{path}, "handmade"});
    }
    if (std::strcmp(argv[at], "--root") == 0 && ++at < argc) plan.root_directory = argv[at];
  }
  plan.mounts.push_back({SealReadOnly{"/"}, "handmade"});
  for (; at < argc; ++at) plan.argv.emplace_back(argv[at]);
  LaunchOptions options;
  options.on_losses = [](const std::vector<Loss>& losses) {
    for (const Loss& loss : losses) std::fprintf(stderr, "lost %s: %s\n", loss.protection.c_str(), loss.reason.c_str());
  };
  const auto report = launch(std::move(plan), options);
  if (!report) {
    std::fprintf(stderr, "handmade: %s\n", format_error(report.error()).c_str());
    return exit_status(report.error());
  }
  return exit_status(*report);
}
