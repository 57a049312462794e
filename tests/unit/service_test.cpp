// What a service manager hands over, what a payload may tell it, and limits as directives of a unit.
#include "catch.h"

#include "spec/cgroup_values.h"
#include "systemd/notify_message.h"
#include "systemd/service_context.h"
#include "systemd/unit_file.h"

using namespace sbx;

namespace {
std::string passed(std::string_view text, std::size_t descriptors = 0) {
  const auto read = read_notification(text, descriptors);
  return read ? notification_text(*read, 77) : "refused: " + read.error().what;
}
}  // namespace

TEST_CASE("what a service says of itself passes", "[service]") {
  for (const char* text : {"READY=1", "RELOADING=1\nMONOTONIC_USEC=123", "STOPPING=1", "ERRNO=2", "BUSERROR=org.example.Failed",
                           "WATCHDOG=1", "WATCHDOG=trigger", "WATCHDOG_USEC=2000000", "EXTEND_TIMEOUT_USEC=5000000",
                           "FDSTORE=1\nFDNAME=held", "FDSTOREREMOVE=1\nFDNAME=held", "FDSTORE=1\nFDNAME=x\nFDPOLL=0", "EXIT_STATUS=3",
                           "STATUS=serving \xc3\xa9"})
    CHECK(passed(text) == text);
  CHECK(passed(std::string("READY=1\0", 8)) == "READY=1");
  CHECK(passed("BARRIER=1", 1) == "BARRIER=1");
  CHECK(read_notification("BARRIER=1\n", 1)->barrier);
  CHECK(read_notification("FDSTORE=1", 2)->stores);
}

TEST_CASE("what isn't known is left out, and what can't be is refused", "[service]") {
  CHECK(passed("NOTIFYACCESS=all\nREADY=1\nX_OWN=1\nMAINPIDFD=1\nnonsense\n\n") == "READY=1");
  CHECK(passed("STATUS=a\x1b[31mb\tc") == "STATUS=a\\x1b[31mb\\tc");
  for (const char* text : {"READY=0", "READY=yes", "WATCHDOG=2", "WATCHDOG_USEC=-1", "WATCHDOG_USEC=99999999999999999999", "MAINPID=0",
                           "MAINPID=-1", "MAINPID=99999999999", "MAINPID=1x", "FDNAME=a:b", "FDNAME=", "FDSTORE=2", "ERRNO=99999",
                           "BUSERROR=a b", "BARRIER=1\nREADY=1"})
    CHECK(passed(text).starts_with("refused"));
  CHECK(passed("BARRIER=1", 0).starts_with("refused"));
  CHECK(passed("BARRIER=1", 2).starts_with("refused"));
  CHECK(passed(std::string("READY=1\0X=1", 11)).starts_with("refused"));
  CHECK(passed(std::string(longest_notification + 1, 'a')).starts_with("refused"));
}

TEST_CASE("MAINPID stands for the process that the caller names", "[service]") {
  CHECK(passed("MAINPID=2") == "MAINPID=77");
  CHECK(passed("MAINPID=5\nREADY=1") == "READY=1\nMAINPID=77");
  CHECK(read_notification("MAINPID=5", 0)->main_pid == 5);
}

TEST_CASE("only what is meant for this process is taken up", "[service]") {
  const auto context = read_service_context(
      {"SYSTEMD_EXEC_PID=7", "NOTIFY_SOCKET=/run/systemd/notify", "WATCHDOG_PID=7", "WATCHDOG_USEC=1000", "LISTEN_PID=7", "LISTEN_FDS=2",
       "LISTEN_FDNAMES=web:admin", "CREDENTIALS_DIRECTORY=/run/credentials/x.service/"}, 7);
  REQUIRE(context);
  CHECK(*context == ServiceContext{true, "/run/systemd/notify", 1000, 2, "web:admin", "/run/credentials/x.service"});
  const auto child = read_service_context(
      {"SYSTEMD_EXEC_PID=7", "WATCHDOG_PID=7", "WATCHDOG_USEC=1000", "LISTEN_PID=7", "LISTEN_FDS=2", "LISTEN_FDNAMES=web:admin"}, 8);
  REQUIRE(child);
  CHECK(*child == ServiceContext{});
  CHECK(*read_service_context({"WATCHDOG_USEC=1000"}, 8) == ServiceContext{.watchdog_usec = 1000});
}

TEST_CASE("an environment that no manager makes is an error", "[service]") {
  for (const char* entry : {"NOTIFY_SOCKET=relative", "NOTIFY_SOCKET=@", "NOTIFY_SOCKET=vsock:2:1234"})
    CHECK_FALSE(read_service_context({entry}, 7));
  CHECK_FALSE(read_service_context({"NOTIFY_SOCKET=/" + std::string(107, 'a')}, 7));
  CHECK_FALSE(read_service_context({"LISTEN_PID=7", "LISTEN_FDS=-1"}, 7));
  CHECK_FALSE(read_service_context({"LISTEN_PID=7", "LISTEN_FDS=100000"}, 7));
  CHECK(read_service_context({"LISTEN_PID=7"}, 7)->descriptors == 0);
}

TEST_CASE("a unit's limit holds where it is at least as tight", "[service]") {
  const auto within = [](const char* file, const char* asked, const char* found) {
    return limit_is_within({file, std::string(file).substr(0, std::string(file).find('.')), asked}, found);
  };
  CHECK(within("memory.max", "536870912", "536870912\n"));
  CHECK(within("memory.max", "536870912", "4096"));
  CHECK_FALSE(within("memory.max", "536870912", "536875008"));
  CHECK_FALSE(within("memory.max", "536870912", "max"));
  CHECK(within("memory.max", "max", "max"));
  CHECK(within("memory.swap.max", "0", "0"));
  CHECK(within("cpu.max", "50000 100000", "25000 50000"));
  CHECK(within("cpu.max", "50000 100000", "1000 100000"));
  CHECK_FALSE(within("cpu.max", "50000 100000", "51000 100000"));
  CHECK_FALSE(within("cpu.max", "50000 100000", "max 100000"));
  CHECK(within("cpu.max", "max 100000", "max 100000"));
  CHECK(within("pids.max", "max", "12"));
  CHECK(within("io.weight", "100", "default 50\n8:0 900"));
  CHECK_FALSE(within("io.weight", "50", "default 100"));
  CHECK_FALSE(within("pids.max", "10", ""));
}

TEST_CASE("a limit is told as the directive that sets it", "[service]") {
  CHECK(unit_directive({"memory.max", "memory", "536870912"}) == "MemoryMax=512M");
  CHECK(unit_directive({"memory.max", "memory", "1000001"}) == "MemoryMax=1000001");
  CHECK(unit_directive({"memory.high", "memory", "max"}) == "MemoryHigh=infinity");
  CHECK(unit_directive({"memory.swap.max", "memory", "0"}) == "MemorySwapMax=0");
  CHECK(unit_directive({"cpu.max", "cpu", "50000 100000"}) == "CPUQuota=50%");
  CHECK(unit_directive({"cpu.max", "cpu", "400000 100000"}) == "CPUQuota=400%");
  CHECK(unit_directive({"cpu.max", "cpu", "1005 100000"}) == "CPUQuota=1%");
  CHECK(unit_directive({"cpu.max", "cpu", "1015 100000"}) == "CPUQuota=1.01%");
  CHECK(unit_directive({"cpu.max", "cpu", "max 100000"}) == "CPUQuota=");
  CHECK(unit_directive({"pids.max", "pids", "max"}) == "TasksMax=infinity");
  CHECK(unit_directive({"pids.max", "pids", "512"}) == "TasksMax=512");
  CHECK(unit_directive({"io.weight", "io", "50"}) == "IOWeight=50");
}

TEST_CASE("a unit carries the profile's limits as directives", "[service]") {
  SandboxSpec spec;
  spec.profile = "web";
  spec.scope.description = "100% of\nit";
  spec.cgroup.memory_max = 512ULL << 20U;
  spec.cgroup.cpu_quota_us = 25000;
  spec.cgroup.cpu_period_us = 50000;
  spec.cgroup.pids_max = 64;
  spec.cgroup.io_weight = 50;
  spec.limits.wall_time_us = 600'000'000;
  spec.limits.grace_us = 30'000'000;
  UnitRequest request{"/usr/bin/sbx", {"--profile", "web"}, {"serve", "--root", "/a b"}, "notify", true, "web", "/srv"};
  const std::string text = unit_file(spec, request);
  const auto has = [&](const std::string& line) { return text.find("\n" + line + "\n") != std::string::npos; };
  for (const char* line : {"Description=100%% of it", "Type=notify", "ExecStart=/usr/bin/sbx run --profile web -- serve --root \"/a b\"",
                           "User=web", "WorkingDirectory=/srv", "Slice=sbx.slice", "Delegate=yes", "KillMode=mixed", "NotifyAccess=main",
                           "Restart=on-failure", "TimeoutStopSec=35s", "RuntimeMaxSec=631s", "MemoryMax=512M", "CPUQuota=50%",
                           "CPUQuotaPeriodSec=50000us", "TasksMax=64", "IOWeight=50", "WantedBy=multi-user.target"})
    CHECK(has(line));
  request.type = "oneshot";
  request.system_manager = false;
  const std::string once = unit_file(spec, request);
  CHECK(once.find("TimeoutStartSec=631s") != std::string::npos);
  for (const char* absent : {"Restart=", "RuntimeMaxSec=", "NotifyAccess=", "multi-user"}) CHECK(once.find(absent) == std::string::npos);
}

TEST_CASE("a word of a command line means itself in a unit", "[service]") {
  CHECK(unit_word("plain-word_1.2/x:y=z,@") == "plain-word_1.2/x:y=z,@");
  CHECK(unit_word("") == "\"\"");
  CHECK(unit_word("a b") == "\"a b\"");
  CHECK(unit_word("100%") == "100%%");
  CHECK(unit_word("$HOME") == "$$HOME");
  CHECK(unit_word("say \"hi\" \\n") == "\"say \\\"hi\\\" \\\\n\"");
  CHECK(unit_word("it's") == "\"it's\"");
  CHECK(unit_word(";") == "\";\"");
  CHECK(unit_word("a\nExecStartPre=/bin/evil") == "\"a\\x0aExecStartPre=/bin/evil\"");
}
