// The command line: what is an option, what is the payload's, and what podman's values come to.
#include "catch.h"

#include <algorithm>

#include "base/text.h"
#include "cli/attach.h"
#include "cli/run_options.h"

using namespace sbx;

namespace {

Result<ParsedLine> parse(std::vector<std::string> words, std::string_view command = "run") {
  return parse_line(*find_command(command), words);
}

// The command line as one profile over an empty one.
Result<RunRequest> request(std::vector<std::string> words) {
  SBX_ASSIGN(const auto line, parse(std::move(words)));
  return read_run_options(line);
}

Profile overlay(std::vector<std::string> words) {
  const auto result = request(std::move(words));
  INFO((result ? "" : format_error(result.error())));
  REQUIRE(result.has_value());
  Profile profile;
  for (const auto& one : result->overlays) profile = merge_profiles(std::move(profile), one);
  return profile;
}

std::string message(std::vector<std::string> words) {
  const auto result = request(std::move(words));
  REQUIRE(!result.has_value());
  CHECK(exit_status(result.error()) == 125);
  return format_error(result.error());
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the payload begins at the first word that is no option, or after --") {
  CHECK(parse({"ls", "--help"})->words == Words{"ls", "--help"});
  CHECK(parse({"--", "-x", "--", "y"})->words == Words{"-x", "--", "y"});
  CHECK(parse({"-m", "5m", "ls", "-m"})->words == Words{"ls", "-m"});
  CHECK(parse({"-it", "sh"})->words == Words{"sh"});
  CHECK(parse({"-itp", "build", "sh"})->words == Words{"sh"});
  CHECK(parse({"--memory=5m", "--", "--memory"})->words == Words{"--memory"});
  CHECK(parse({"--report", "ls"})->words == Words{"ls"});
  CHECK(parse({"-"})->words == Words{"-"});
  CHECK(parse({"", "x"})->words == Words{"", "x"});
  CHECK(parse({"--env", "-x=1", "ls"})->options[0].value == "-x=1");
}

TEST_CASE("a value may be spelled like an option's name") {
  const auto line = parse({"-p", "env", "--rw", "memory", "ls"});
  REQUIRE(line.has_value());
  CHECK(line->options[0].value == "env");
  CHECK(line->options[1].value == "memory");
}

TEST_CASE("values stand behind =, behind a letter or in the next word") {
  for (const Words& words :
       {Words{"-m", "512m"}, Words{"-m512m"}, Words{"-m=512m"}, Words{"--memory", "512m"}, Words{"--memory=512m"}}) {
    const auto line = parse(words);
    REQUIRE(line.has_value());
    REQUIRE(line->options.size() == 1);
    CHECK(line->options[0].value == "512m");
    CHECK(line->options[0].option->name == "memory");
  }
  CHECK(parse({"--network", "host"})->options[0].option->name == "net");
}

TEST_CASE("other subcommands take options and words in any order") {
  const auto line = parse({"build", "--effective", "--", "--json"}, "profile show");
  CHECK(line->words == Words{"build", "--json"});
  CHECK(line->has("effective"));
  CHECK(!line->has("json"));
}

TEST_CASE("detach keys") {
  CHECK(parse_detach_keys("ctrl-p,ctrl-q").value() == "\x10\x11");
  CHECK(parse_detach_keys("ctrl-a,d").value() == "\x01" "d");
  CHECK(parse_detach_keys("ctrl-@,ctrl-\\,x").value() == std::string("\0\x1cx", 3));
  CHECK(parse_detach_keys("").value().empty());
  for (const auto* wrong : {"ctrl-", "ctrl-A", "ctrl-1", "ctrl-ab", "a,,b", ",", "hyper-x"}) CHECK(!parse_detach_keys(wrong));
}

TEST_CASE("wrong options are told with the nearest") {
  CHECK(contains(message({"--memroy=1"}), "did you mean --memory?"));
  CHECK(contains(message({"-memory", "1"}), "did you mean --memory?"));
  CHECK(contains(message({"-Z"}), "unknown option -Z"));
  CHECK(contains(message({"--privileged"}), "--cap-add"));
  CHECK(contains(message({"--memory"}), "--memory needs a value"));
  CHECK(contains(message({"--read-only=yes"}), "takes no value"));
  CHECK(contains(message({"--memory="}), "needs a value"));
  CHECK(contains(message({"--\x1b[31m"}), "\\x1b"));
}

TEST_CASE("each row of the table is found by its names") {
  for (const auto& command : commands())
    for (const auto& option : command.options) {
      CHECK(find_option(command, option.name) == &option);
      if (option.letter != 0) CHECK(find_option(command, option.letter) == &option);
      if (!option.alias.empty()) CHECK(find_option(command, option.alias) == &option);
      CHECK(!option.meaning.empty());
      CHECK(option.placeholder.empty() == (option.takes == Takes::nothing));
    }
}

TEST_CASE("every option of run that names a profile key is read") {
  for (const auto& option : find_command("run")->options) {
    if (option.key.empty() || option.name == "env-file") continue;
    const auto result = request({cat("--", option.name, "=%")});
    // Either taken, or refused for its value: never passed over.
    if (result) CHECK(result->overlays.size() > 1);
  }
}

TEST_CASE("podman's limits come to cgroup v2's") {
  const auto profile =
      overlay({"-m", "512m", "--cpus", "0.5", "--pids-limit", "64", "-c", "1024", "--memory-swap", "1g"});
  CHECK(profile.cgroup.at("memory.max").value == "536870912");
  CHECK(profile.cgroup.at("memory.max").origin == "command line -m");
  CHECK(profile.cgroup.at("cpu.max").value == "50000 100000");
  CHECK(profile.cgroup.at("pids.max").value == "64");
  CHECK(profile.cgroup.at("memory.swap.max").value == "536870912");
  CHECK(profile.cgroup.at("cpu.weight").value == "39");
  CHECK(overlay({"--cpus=2"}).cgroup.at("cpu.max").value == "200000 100000");
  CHECK(overlay({"--cpus=.25"}).cgroup.at("cpu.max").value == "25000 100000");
  CHECK(overlay({"--pids-limit=-1"}).cgroup.at("pids.max").value == "max");
  CHECK(overlay({"--pids-limit", "-1"}).cgroup.at("pids.max").value == "max");
  CHECK(overlay({"-m", "1g", "-m", "2g"}).cgroup.at("memory.max").value == "2147483648");
  CHECK(weight_of_shares(2) == 1);
  CHECK(weight_of_shares(262144) == 10000);
}

TEST_CASE("wrong limits are refused in words") {
  CHECK(contains(message({"-m", "lots"}), "lots"));
  CHECK(contains(message({"-m", "0"}), "not a size"));
  CHECK(contains(message({"--cpus", "0"}), "0.01"));
  CHECK(contains(message({"--cpus", "1.2.3"}), "not a number of CPUs"));
  CHECK(contains(message({"--memory-swap", "1g"}), "--memory"));
  CHECK(contains(message({"--memory-swap", "1m", "-m", "2m"}), "less"));
  CHECK(contains(message({"--ulimit", "nofile"}), "NAME=SOFT"));
  CHECK(contains(message({"--ulimit", "nofile=x"}), "x is not a number"));
  CHECK(contains(message({"--timeout", "soon"}), "not a time"));
  CHECK(contains(message({"-c", "1"}), "262144"));
}

TEST_CASE("paths, volumes and mounts") {
  const auto profile =
      overlay({"--ro", "~/a", "--rw", ".", "--hide", ".env", "-v", "./x:/y:ro,noexec,optional", "-v", "/a:/b",
               "--tmpfs", "/tmp:size=64m", "--tmpfs", "/x", "--device", "/dev/fuse:/dev/fuse:rw"});
  CHECK(profile.filesystem.read[0].value == "~/a");
  CHECK(profile.filesystem.write.back() == Said<std::string>{".", "command line --rw"});
  CHECK(profile.filesystem.hide[0].value == ".env");
  CHECK(profile.filesystem.bind[0].value == ProfileBind{"./x", "/y", Access::read, true, false});
  CHECK(profile.filesystem.bind[1].value == ProfileBind{"/a", "/b", Access::write, false, true});
  CHECK(profile.filesystem.tmpfs[0].value == ProfileTmpfs{"/tmp", "64m"});
  CHECK(profile.filesystem.tmpfs[1].value == ProfileTmpfs{"/x", ""});
  CHECK(profile.filesystem.devices[0].value == "/dev/fuse");
  CHECK(contains(message({"-v", "data:/x"}), "./data"));
  CHECK(contains(message({"-v", "/a"}), "SOURCE:TARGET"));
  CHECK(contains(message({"-v", "/a:b"}), "absolute"));
  CHECK(contains(message({"-v", "/a:/b:Z"}), "unknown option Z"));
  CHECK(contains(message({"--rw", "/a:/b"}), "-v SOURCE:TARGET"));
  CHECK(contains(message({"--tmpfs", "/a:mode=1777"}), "size=SIZE"));
}

TEST_CASE("environment, identity and terminal") {
  const auto profile =
      overlay({"-e", "A=1=2", "-e", "LC_*", "-e", "B=", "-u", "root", "--hostname", "box", "-w", "/srv"});
  CHECK(profile.environment_set.at("A").value == "1=2");
  CHECK(profile.environment_set.at("B").value.empty());
  CHECK(profile.environment_pass[0].value == "LC_*");
  CHECK(profile.user->value == "root");
  CHECK(profile.hostname->value == "box");
  CHECK(profile.workdir->value == "/srv");
  CHECK(contains(message({"-e", "=x"}), "no variable's name"));
  CHECK(contains(message({"-u", "alice"}), "self, root or a number"));
  CHECK(request({"-it"})->terminal == TerminalMode::require);
  CHECK(request({"-i"})->terminal == TerminalMode::none);
  CHECK(request({})->terminal == TerminalMode::automatic);
}

TEST_CASE("a limit of the command line's own isn't one that a profile accepts to lose") {
  const auto accepted = [](std::vector<std::string> words) {
    Profile profile;
    for (const auto* name : {"memory", "scope"}) profile.accept.push_back({name, "p"});
    const auto read = request(std::move(words));
    REQUIRE(read.has_value());
    for (const auto& one : read->overlays) profile = merge_profiles(std::move(profile), one);
    std::string names;
    for (const auto& item : profile.accept)
      if (!item.value.starts_with('!')) names += cat(item.value, " ");
    return names;
  };
  CHECK(accepted({}) == "memory scope ");
  CHECK(accepted({"-m", "1g"}) == "scope ");
  CHECK(accepted({"--set", "cgroup.memory.high=1g"}) == "scope ");
  CHECK(accepted({"--accept", "memory", "-m", "1g"}) == "scope memory ");
  CHECK(accepted({"-m", "1g", "--accept", "memory"}) == "scope memory ");
  CHECK(accepted({"-m", "-1"}) == "memory scope ");
  CHECK(accepted({"--scope", "require"}) == "memory ");
}

TEST_CASE("environment files") {
  const auto profile = parse_environment_file("# comment\nA=1\r\nLANG\n\nB=x y\n", {"f.env", "--env-file"});
  REQUIRE(profile.has_value());
  CHECK(profile->environment_set.at("A").value == "1");
  CHECK(profile->environment_set.at("B").value == "x y");
  CHECK(profile->environment_pass[0].value == "LANG");
  const auto wrong = parse_environment_file("A=1\nexport B=2\n", {"f.env", "--env-file"});
  REQUIRE(!wrong.has_value());
  CHECK(contains(format_error(wrong.error()), "f.env:2"));
}

TEST_CASE("capabilities, reports, names and descriptors") {
  const auto profile = overlay({"--cap-add", "net_raw", "--cap-add=CAP_KILL", "--accept", "landlock"});
  CHECK(profile.capabilities[0].value == "CAP_NET_RAW");
  CHECK(profile.capabilities[1].value == "CAP_KILL");
  CHECK(profile.accept[0].value == "landlock");
  CHECK(overlay({"--cap-add=all"}).capabilities.size() >= 41);
  const auto lists = overlay({"--accept", "landlock,scope", "--cap-add=kill,CHOWN", "--cap-drop=net_raw,sys_time"});
  REQUIRE(lists.accept.size() == 2);
  CHECK(lists.accept[1].value == "scope");
  REQUIRE(lists.capabilities.size() == 4);
  CHECK(lists.capabilities[1].value == "CAP_CHOWN");
  CHECK(lists.capabilities[3].value == "!CAP_SYS_TIME");
  CHECK(request({"--cap-drop", "all"})->drop_all_capabilities);
  CHECK(request({"--report"})->report.form == ReportForm::text);
  CHECK(request({"--report=json:fd:7"})->report.fd == 7);
  CHECK(request({"--report=json:a:b"})->report.file == "a:b");
  CHECK(contains(message({"--report=xml"}), "json:FILE"));
  CHECK(contains(message({"--report=json:"}), "json:FILE"));
  CHECK(request({"--name", "a-1_b.c"})->name == "a-1_b.c");
  for (const auto* name : {"", "-a", ".a", "a/b", "a b", "a@b"}) CHECK(contains(message({"--name", name}), "--name"));
  CHECK(request({"--pass-fd", "3", "--pass-fd", "3"})->pass_fds == std::vector<int>{3});
  CHECK(contains(message({"--pass-fd", "2"}), "from 3"));
  CHECK(contains(message({"--status-fd", "x"}), "file descriptor"));
}

TEST_CASE("--read-only, --clear-env and --cap-drop all take back what the profiles said") {
  Profile profile;
  profile.filesystem.write.push_back({"/data", "p"});
  profile.filesystem.bind.push_back({{"/a", "/b", Access::write}, "p"});
  profile.filesystem.home = {"host", "p"};
  profile.environment_set["A"] = {"1", "p"};
  profile.environment_pass.push_back({"LANG", "p"});
  profile.capabilities.push_back({"CAP_KILL", "p"});
  apply_restrictions(*request({"--read-only", "--clear-env", "--cap-drop=ALL"}), profile);
  CHECK(profile.filesystem.write.empty());
  CHECK(profile.filesystem.read[0].value == "/data");
  CHECK(profile.filesystem.bind[0].value.access == Access::read);
  CHECK(profile.filesystem.home->value == "private");
  CHECK(profile.environment_set.empty());
  CHECK(profile.environment_pass.empty());
  CHECK(profile.capabilities.empty());
}
