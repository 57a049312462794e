#include <cstdint>

#include "catch.h"
#include "spec/cgroup_values.h"

using namespace sbx;

TEST_CASE("statistics are found by their whole key") {
  const char* events = "low 0\nhigh 3\nmax 12\noom 2\noom_kill 1\noom_group_kill 0";
  CHECK(flat_keyed_value(events, "oom_kill") == 1U);
  CHECK(flat_keyed_value(events, "oom") == 2U);
  CHECK(flat_keyed_value(events, "max") == 12U);
  CHECK_FALSE(flat_keyed_value(events, "oo"));
  CHECK_FALSE(flat_keyed_value("", "oom_kill"));
  const char* io = "8:0 rbytes=4096 wbytes=10 rios=1 wios=1 dbytes=0 dios=0\n253:1 rbytes=1 wbytes=2 rios=0";
  CHECK(nested_keyed_sum(io, "rbytes") == 4097U);
  CHECK(nested_keyed_sum(io, "wbytes") == 12U);
  CHECK_FALSE(nested_keyed_sum("8:0", "rbytes"));
  CHECK(single_value("max\n") == UINT64_MAX);
  CHECK_FALSE(single_value("maximum"));
  CHECK_FALSE(single_value(""));
}

TEST_CASE("the v2 line is found among those of a hybrid host") {
  CHECK(v2_path("12:pids:/x\n1:name=systemd:/user.slice\n0::/user.slice/a:b.scope\n") == "/user.slice/a:b.scope");
  CHECK_FALSE(v2_path("12:pids:/x\n"));
  CHECK_FALSE(v2_path(""));
  CHECK(lists_word("cpuset cpu io memory pids\n", "cpu"));
  CHECK_FALSE(lists_word("cpuset io", "cpu"));
}

TEST_CASE("a cgroup's path names the unit, and whose manager has it") {
  const auto unit = [](const char* path) { return unit_of_cgroup(path); };
  CHECK(unit("/system.slice/server.service") == OwnUnit{"server.service", "/system.slice/server.service", {}});
  CHECK(unit("/system.slice/system-x.slice/x@1.service/main/deeper")->cgroup == "/system.slice/system-x.slice/x@1.service");
  CHECK(unit("/user.slice/user-1000.slice/session-3.scope") ==
        OwnUnit{"session-3.scope", "/user.slice/user-1000.slice/session-3.scope", {}});
  const char* own = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-u1.service";
  CHECK(unit(own) == OwnUnit{"run-u1.service", own, 1000U});
  CHECK(unit("/user.slice/user-1000.slice/user@1000.service/init.scope")->name == "init.scope");
  CHECK(unit("/a.slice/_cpu.service")->name == "cpu.service");
  // No unit of its own: the manager's cgroup, a slice, the root, names that systemd never gave, a user that is none.
  for (const char* path : {"/user.slice/user-1000.slice/user@1000.service", "/user.slice/user-1000.slice/user@1000.service/x",
                           "/system.slice", "/", "", "/docker/0123abc", "/kubepods/x.service", "/user@x.service/a.service",
                           "/user@99999999999.service/a.service"})
    CHECK_FALSE(unit(path));
}

TEST_CASE("limits are written as cgroup v2 takes them") {
  CgroupSpec limits;
  CHECK(limit_values(limits).empty());
  limits.memory_max = 512U << 20U;
  limits.memory_high = UINT64_MAX;
  limits.memory_swap_max = 0;
  limits.cpu_quota_us = 50000;
  limits.pids_max = 256;
  const auto values = limit_values(limits);
  REQUIRE(values.size() == 5);
  CHECK(values[0].file == "memory.swap.max");
  CHECK(values[0].value == "0");
  CHECK(values[1].value == "max");
  CHECK(values[2].value == "536870912");
  CHECK(values[3].value == "50000 100000");
  CHECK(limit_controllers(limits) == std::vector<std::string>{"memory", "cpu", "pids"});
}

TEST_CASE("a limit holds by the kernel's own rounding, and by nothing looser") {
  const LimitValue memory{"memory.max", "memory", "10000"};
  CHECK(limit_holds(memory, "8192", 4096));
  CHECK_FALSE(limit_holds(memory, "12288", 4096));
  CHECK_FALSE(limit_holds(memory, "10000", 4096));
  CHECK_FALSE(limit_holds(memory, "max", 4096));
  CHECK_FALSE(limit_holds(memory, "", 4096));
  CHECK(limit_holds({"memory.max", "memory", "max"}, "max\n", 4096));
  CHECK(limit_holds({"memory.max", "memory", "9223372036854775807"}, "max", 4096));
  CHECK_FALSE(limit_holds({"memory.max", "memory", "max"}, "4096", 4096));
  CHECK(limit_holds({"io.weight", "io", "50"}, "default 50\n8:0 10", 4096));
  CHECK_FALSE(limit_holds({"io.weight", "io", "50"}, "default 500", 4096));
  CHECK(limit_holds({"cpu.max", "cpu", "50000 100000"}, "50000 100000", 4096));
  CHECK_FALSE(limit_holds({"cpu.max", "cpu", "50000 100000"}, "max 100000", 4096));
}
