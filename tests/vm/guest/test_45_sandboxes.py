"""Running sandboxes on the real managers: frozen, limited, stopped and seen, as a user and as root."""

import json
import signal
import subprocess
import time

from support import CGROUPS, as_user, no_scopes, ok, run, uid, value, wait_for
from test_20_scope import end, start, wait_for_scope

USERS = ("tester", None)


def sbx(user: str | None, words: str, timeout: float = 60) -> subprocess.CompletedProcess:
    return as_user(user, f"sbx {words}", timeout) if user else run(f"sbx {words}", timeout)


def sandbox(user: str | None, name: str, command: str = "sleep 60", options: str = "-m 200M --cpus 1 --pids-limit 60"):
    """(the process of sbx, its row in ps), once it runs."""
    process = start(user, f"--scope require {options} --name {name}", command)
    wait_for_scope(user, f"sbx-untrusted-{name}.scope", process)
    rows: list[dict] = []

    def there() -> bool:
        assert process.poll() is None, process.stderr.read()
        rows[:] = [row for row in json.loads(ok(sbx(user, "ps --json"))) if row["name"] == name]
        return bool(rows)
    wait_for(there, 30, f"{name} in ps")
    return process, rows[0]


def cgroup_file(row: dict, name: str) -> str:
    return (CGROUPS / row["cgroup"].lstrip("/") / name).read_text().strip()


def test_limits_are_changed_live():
    for user in USERS:
        process, row = sandbox(user, "limited")
        try:
            told = ok(sbx(user, "update limited --memory 300M --cpus 0.5 --pids-limit 77"))
            assert f"memory.max={300 << 20}" in told and "pids.max=77" in told, told
            assert cgroup_file(row, "memory.max") == str(300 << 20)
            assert cgroup_file(row, "pids.max") == "77" and cgroup_file(row, "cpu.max") == "50000 100000"
            show = f"systemctl {'--user ' if user else ''}show {row['scope']} -p MemoryMax,TasksMax"
            found = value(ok(as_user(user, show) if user else run(show)))
            assert found == {"MemoryMax": str(300 << 20), "TasksMax": "77"}, found
            # They hold over a reload of the manager.
            reload = f"systemctl {'--user ' if user else ''}daemon-reload"
            ok(as_user(user, reload) if user else run(reload))
            assert cgroup_file(row, "memory.max") == str(300 << 20)
            seen = json.loads(ok(sbx(user, "inspect limited")))[0]
            assert seen["state"]["limits"]["pids.max"] == 77 and seen["manager"] == ("user" if user else "system"), seen["state"]
        finally:
            end(process)
        no_scopes(user)


def test_frozen_and_thawed():
    for user in USERS:
        process, row = sandbox(user, "cold", "sh -c 'while :; do date +%s%N; sleep 0.05; done'")
        try:
            assert ok(sbx(user, "freeze cold")) == "cold\n"
            assert "frozen 1" in cgroup_file(row, "cgroup.events")
            assert json.loads(ok(sbx(user, "ps --json --filter status=frozen")))[0]["name"] == "cold"
            before = json.loads(ok(sbx(user, "stats --no-stream --json cold")))[0]["cpu_us"]
            time.sleep(1)
            assert json.loads(ok(sbx(user, "stats --no-stream --json cold")))[0]["cpu_us"] == before
            assert ok(sbx(user, "thaw cold")) == "cold\n" and "frozen 0" in cgroup_file(row, "cgroup.events")
            # One that is frozen is thawed to be stopped.
            ok(sbx(user, "freeze cold"))
            ok(sbx(user, "stop -t 10 cold"))
            assert process.wait(20) == 143
        finally:
            end(process)
        no_scopes(user)


def test_stopped_by_force_and_its_status():
    for user in USERS:
        process, row = sandbox(user, "deaf", "sh -c 'trap \"\" TERM; (trap \"\" TERM; sleep 100) & while :; do sleep 0.1; done'")
        try:
            assert ok(sbx(user, "stop -t 1 deaf")) == "deaf\n"
            assert process.wait(20) == 137
            assert json.loads(ok(sbx(user, "ps --json"))) == []
            ended = json.loads(ok(sbx(user, "ps -a --json --filter name=deaf")))[0]
            assert ended["exit_status"] == 137, ended
            assert ok(sbx(user, "wait deaf")) == "137\n"
        finally:
            end(process)
        no_scopes(user)


def test_stats_and_events_from_the_cgroup():
    for user in USERS:
        words = ["sh", "-c", "cd; exec sbx events --json --timeout 60"]
        if user:
            words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", f"XDG_RUNTIME_DIR=/run/user/{uid(user)}",
                     f"HOME=/home/{user}", "PATH=/usr/local/bin:/usr/bin:/bin", *words]
        follower = subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        try:
            time.sleep(2)
            hungry = "python3 -c 'import time; time.sleep(4); x = bytearray(400 << 20)'"
            process, row = sandbox(user, "hungry", hungry, "-m 100M --set cgroup.memory.swap.max=0")
            one = json.loads(ok(sbx(user, "stats --no-stream --json hungry")))[0]
            assert one["source"] == "cgroup" and one["memory_limit"] == 100 << 20 and one["memory"] > 0 and one["pids"] >= 2, one
            assert process.wait(60) == 137
            words = [json.loads(follower.stdout.readline()) for _ in range(3)]
            assert {word["event"] for word in words} == {"started", "oom", "exited"}, words
            exited = [word for word in words if word["event"] == "exited"][0]
            assert exited["status"] == 137 and exited["name"] == "hungry", exited
        finally:
            follower.send_signal(signal.SIGKILL)
            follower.wait()
            follower.stdout.close()
        no_scopes(user)


def test_sandboxes_survive_their_manager_being_executed_anew():
    process, row = sandbox("tester", "lasting")
    try:
        ok(as_user("tester", "systemctl --user daemon-reexec"))
        wait_for(lambda: as_user("tester", "systemctl --user is-active sbx-untrusted-lasting.scope").stdout.strip() == "active", 30, "the scope")
        assert json.loads(ok(sbx("tester", "ps --json")))[0]["name"] == "lasting"
        ok(sbx("tester", "update lasting --pids-limit 88"))
        assert cgroup_file(row, "pids.max") == "88"
        ok(sbx("tester", "stop -t 5 lasting"))
        assert process.wait(20) == 143
    finally:
        end(process)
    no_scopes("tester")


def test_users_do_not_see_each_other():
    process, row = sandbox("tester", "private")
    try:
        assert json.loads(ok(sbx(None, "ps --json"))) == []
        refused = sbx(None, "stop private")
        assert refused.returncode == 125 and "no sandbox of yours" in refused.stderr, refused
    finally:
        end(process)
    no_scopes("tester")
