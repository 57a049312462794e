"""Times the launches of bench_scope.py; prints medians in milliseconds and ratios."""

import os
import statistics
import sys
import time

LIMITS = ["-p", "MemoryMax=512M", "-p", "CPUQuota=50%", "-p", "TasksMax=64"]
BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--symlink", "usr/bin",
         "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs",
         "/tmp", "--tmpfs", "/home", "/bin/true"]
SBX = ["sbx", "run", "-m", "512M", "--cpus", "0.5", "--pids-limit", "64"]
JOBS = {
    "sbx in a scope": [*SBX, "--scope", "require", "--", "/bin/true"],
    "systemd-run --scope bwrap": ["systemd-run", "--user", "--scope", "--quiet", "--collect", *LIMITS, "--", *BWRAP],
    "sbx without a scope": ["sbx", "run", "--scope", "none", "--set", "cgroup={}", "--", "/bin/true"],
    "bwrap": BWRAP,
    "systemd-run --scope true": ["systemd-run", "--user", "--scope", "--quiet", "--collect", *LIMITS, "--", "/bin/true"],
}


def once(command: list[str]) -> float:
    started = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ,
                          file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - started
    assert status == 0, (command, status)
    return seconds * 1000


def main() -> None:
    rounds = int(sys.argv[1])
    times = {name: [] for name in JOBS}
    for number in range(rounds + 2):
        for name, command in JOBS.items():
            took = once(command)
            if number >= 2:  # the first rounds fill caches
                times[name].append(took)
    ratio = lambda a, b: statistics.median(x / y for x, y in zip(times[a], times[b]))  # noqa: E731
    print("; ".join(f"{name} {statistics.median(values):.0f} ms" for name, values in times.items()))
    print(f"scope: sbx / systemd-run --scope bwrap = {ratio('sbx in a scope', 'systemd-run --scope bwrap'):.2f}")
    print(f"no scope: sbx / bwrap = {ratio('sbx without a scope', 'bwrap'):.2f}")


main()
