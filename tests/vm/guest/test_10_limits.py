"""The limits of the profile format hold, from the payload's first instruction on, and their hits are told in words."""

import json
import re
import statistics

from support import as_user, no_scopes, ok, value

SCOPE = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/sbx.slice/sbx-untrusted-{}.scope"
# Uses the CPU for as long as it is told, and prints how many rounds of work it did and the CPU time it got.
SPIN = """
import sys, time
end, rounds = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < end:
    for _ in range(2000): pass
    rounds += 1
print(rounds, time.process_time())
"""
FORK = """
import os, sys, time
children = 0
try:
    while children < 500:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        children += 1
except BlockingIOError:
    print("stopped at", children)
"""


def python(program: str, *arguments) -> str:
    return "python3 -c '" + program.strip() + "' " + " ".join(map(str, arguments))


def test_limits_hold_before_the_first_instruction():
    directory = SCOPE.format("first")
    files = "memory.max memory.high memory.swap.max cpu.max cpu.weight pids.max cgroup.procs"
    # The first thing that the payload does is to read its cgroup's files.
    done = as_user("tester", "sbx run --require memory --require cpu --require pids --name first --ro /sys/fs/cgroup -m 100M "
                   "--cpus 0.5 --pids-limit 20 --set cgroup.memory.high=90M --set cgroup.cpu.weight=50 -- /bin/sh -c "
                   f"'for f in {files}; do read -r line < {directory}/$f; echo $f=$line; done'")
    found = value(ok(done))
    expected = {"memory.max": str(100 << 20), "memory.high": str(90 << 20), "memory.swap.max": "0",
                "cpu.max": "50000 100000", "cpu.weight": "50", "pids.max": "20"}
    assert {name: found.get(name) for name in expected} == expected, found
    assert found["cgroup.procs"], "the payload's cgroup has no processes"
    no_scopes("tester")


def test_memory_max_kills_and_is_told():
    done = as_user("tester", "sbx run --name hungry -m 64M -- " + python("x = bytearray(300 << 20)"))
    assert done.returncode == 137, done
    assert "memory.max" in done.stderr and "64 MiB" in done.stderr, done.stderr
    assert re.search(r"peak", done.stderr), done.stderr
    no_scopes("tester")
    return done.stderr.strip()


def test_memory_kill_of_a_grandchild_is_told():
    done = as_user("tester", "sbx run -m 64M -- sh -c '" + python("x = bytearray(300 << 20)").replace("'", '"') + "; exit 3'")
    assert "memory.max" in done.stderr, done
    no_scopes("tester")


def spin(options: str) -> tuple[int, float]:
    rounds, seconds = ok(as_user("tester", f"sbx run {options} -- " + python(SPIN, 3))).split()
    return int(rounds), float(seconds)


def test_half_a_cpu_does_half_the_work():
    # In turn, so that a host that is busy for a while slows both.
    limited, free = [], []
    for _ in range(3):
        free.append(spin("--set cgroup.cpu.max=max"))
        limited.append(spin("--set cgroup.cpu.max=50%"))
    work = statistics.median(a[0] / b[0] for a, b in zip(limited, free))
    time = statistics.median(seconds for _, seconds in limited) / 3
    # A busy host makes the machine's clock jump, and with it the bandwidth's periods.
    assert time < 0.75, f"the limited payload had {time:.2f} of a CPU: {limited}"
    assert 0.3 < work < 0.75, f"work done with cpu.max 50% by work done without: {work:.2f}; {limited} {free}"
    return f"work with cpu.max 50% by work without: {work:.2f}; CPU time by wall time: {time:.2f}"


def test_pids_max_stops_forks_at_the_number():
    done = as_user("tester", "sbx run --pids-limit 30 -- " + python(FORK))
    count = int(re.search(r"stopped at (\d+)", ok(done))[1])
    assert 20 <= count < 30, count
    no_scopes("tester")


def test_a_fork_bomb_ends_with_its_sandbox():
    done = as_user("tester", "sbx run --pids-limit 100 --timeout 4s --stop-timeout 1s -- sh -c 'f() { f | f & }; f; sleep 60'", 60)
    assert done.returncode in (124, 2, 143, 137), done
    no_scopes("tester")


def test_the_report_tells_peaks_and_what_holds():
    ok(as_user("tester", "sbx run --report=json:report.json -m 200M --cpus 0.5 --pids-limit 50 -- " + python(SPIN, 1)))
    report = json.loads(ok(as_user("tester", "cat report.json")))
    text = json.dumps(report)
    receipt = report["receipt"]
    assert "memory.max" in text and "cpu.max" in text and "pids.max" in text, text
    assert receipt and all(item["enforced"] for item in receipt), [item for item in receipt if not item["enforced"]]
