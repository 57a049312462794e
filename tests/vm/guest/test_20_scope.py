"""The scope: its properties, its callers, and that nothing of it stays."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from support import (CGROUPS, as_user, in_login_session, in_user_unit, no_scopes, ok, run, scopes, uid, value, wait_for)

SHOW = "Description,Slice,MemoryMax,CPUQuotaPerSecUSec,TasksMax,CollectMode,RuntimeMaxUSec,ActiveState,ControlGroup"
LIMITS = "-m 100M --cpus 0.5 --pids-limit 40"
REQUIRE = "--require memory --require cpu --require pids --require scope --scope require"


def start(user: str | None, options: str, command: str = "sleep 60") -> subprocess.Popen:
    """sbx in the background, as as_user would start it."""
    program = ["sh", "-c", f"cd; exec sbx run {options} -- {command}"]
    if user:
        program = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", "-i", f"HOME=/home/{user}",
                   "PATH=/usr/local/bin:/usr/bin:/bin", f"XDG_RUNTIME_DIR=/run/user/{uid(user)}", *program]
    return subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_scope(user: str | None, name: str, sbx: subprocess.Popen) -> None:
    def there() -> bool:
        assert sbx.poll() is None, f"sbx ended: {sbx.returncode} {sbx.stderr.read()}"
        show = f"systemctl {'--user ' if user else ''}is-active {name}"
        return (as_user(user, show) if user else run(show)).stdout.strip() == "active"
    wait_for(there, 30, name)


def end(sbx: subprocess.Popen) -> None:
    sbx.terminate()
    try:
        sbx.wait(30)
    finally:
        sbx.kill()
        sbx.wait()


def test_the_scope_carries_its_properties():
    sbx = start("tester", f"{REQUIRE} {LIMITS} --name shown --set systemd.properties.RuntimeMaxSec=10min")
    try:
        wait_for_scope("tester", "sbx-untrusted-shown.scope", sbx)
        found = value(ok(as_user("tester", f"systemctl --user show sbx-untrusted-shown.scope -p {SHOW}")))
    finally:
        end(sbx)
    assert found["Slice"] == "sbx.slice" and found["Description"], found
    assert found["MemoryMax"] == str(100 << 20) and found["TasksMax"] == "40", found
    assert found["CPUQuotaPerSecUSec"] == "500ms" and found["RuntimeMaxUSec"] == "10min", found
    assert found["CollectMode"] == "inactive-or-failed", found
    assert found["ControlGroup"].endswith("user@1000.service/sbx.slice/sbx-untrusted-shown.scope"), found
    no_scopes("tester")
    return found["Description"]


def test_the_slice_is_the_installed_one():
    found = value(ok(as_user("tester", "systemctl --user show sbx.slice -p Description,LoadState")))
    assert found == {"Description": "Sandboxes of sbx", "LoadState": "loaded"}, found


def test_another_slice():
    sbx = start("tester", f"{REQUIRE} --name sliced --set systemd.slice=app-mine.slice")
    try:
        wait_for_scope("tester", "sbx-untrusted-sliced.scope", sbx)
        group = value(ok(as_user("tester", "systemctl --user show sbx-untrusted-sliced.scope -p ControlGroup")))["ControlGroup"]
    finally:
        end(sbx)
    assert group.endswith("/app.slice/app-mine.slice/sbx-untrusted-sliced.scope"), group


def test_a_lingering_users_own_service():
    ok(in_user_unit("tester", f"sbx run {REQUIRE} {LIMITS} -- true"))


def test_a_login_session():
    ok(in_login_session("walker", f"sbx run {REQUIRE} {LIMITS} -- true"))


def test_su_from_a_root_shell():
    ok(run(["su", "-l", "walker", "-c", f"sbx run {REQUIRE} {LIMITS} -- true"]))


def test_root_on_the_system_manager():
    sbx = start(None, f"{REQUIRE} {LIMITS} --name byroot")
    try:
        wait_for_scope(None, "sbx-untrusted-byroot.scope", sbx)
        found = value(ok(run(f"systemctl show sbx-untrusted-byroot.scope -p {SHOW}")))
    finally:
        end(sbx)
    assert found["ControlGroup"] == "/sbx.slice/sbx-untrusted-byroot.scope" and found["MemoryMax"] == str(100 << 20), found
    no_scopes()


def test_root_with_what_only_the_system_manager_enforces():
    command = "sbx run --scope require --network host {} -- python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 9), 2)'"
    assert "refused" in run(command.format("")).stderr  # nobody listens there
    done = run(command.format("--set systemd.properties.IPAddressDeny=any"))
    assert done.returncode == 1 and ("not permitted" in done.stderr or "timed out" in done.stderr), done
    refused = as_user("tester", "sbx run --scope require --set systemd.properties.IPAddressDeny=any -- true")
    assert refused.returncode == 125 and "IPAddressDeny" in refused.stderr, refused


def test_runtime_max_ends_it():
    started = time.monotonic()
    done = as_user("tester", "sbx run --scope require --set systemd.properties.RuntimeMaxSec=2s --stop-timeout 1s -- sleep 50")
    assert done.returncode != 0 and time.monotonic() - started < 30, done
    no_scopes("tester")


def test_stopping_the_unit_ends_it():
    sbx = start("tester", "--scope require --name stopped")
    try:
        wait_for_scope("tester", "sbx-untrusted-stopped.scope", sbx)
        ok(as_user("tester", "systemctl --user stop sbx-untrusted-stopped.scope"))
        sbx.wait(30)
    finally:
        sbx.kill()
        sbx.wait()
    no_scopes("tester")


def sub_cgroup_in(unit: Path, launcher: str = "sbx-launcher") -> None:
    """sbx, alone in `unit`, has made a cgroup of the sandbox's own below it, and removes it when it ends."""
    inner = unit / "sbx-untrusted-inner"
    wait_for(lambda: inner.exists() and "sleep" in run(f"cat $(sed 's,.*,/proc/&/comm,' {inner}/cgroup.procs)").stdout, 30,
             f"{inner}; attributes of the unit: {os.listxattr(unit) if unit.exists() else 'no unit'}; "
             f"scopes: {scopes('tester')}; {run('journalctl -n 5').stdout}")
    limits = [(inner / name).read_text().strip() for name in ("memory.max", "cpu.max", "pids.max")]
    assert limits == [str(100 << 20), "50000 100000", "40"], limits
    assert not scopes("tester"), scopes("tester")
    pid = int((unit / launcher / "cgroup.procs").read_text().split()[0])
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not inner.exists(), 30, "the sub-cgroup to go")


INNER = f"sbx run --require memory --require cpu --require pids {LIMITS} --name inner -- sleep 60"


def test_a_system_service_that_delegates_gets_a_sub_cgroup():
    ok(run("systemd-run --quiet --collect --property=Delegate=yes --property=User=tester --unit=delegating.service "
           f"--setenv=XDG_RUNTIME_DIR=/run/user/1000 {INNER}"))
    try:
        sub_cgroup_in(CGROUPS / "system.slice/delegating.service")
    finally:
        run("systemctl stop delegating.service")


def test_a_users_service_that_delegates_gets_a_sub_cgroup():
    # Their manager leaves no mark on the cgroup and the user owns those of all units: only the manager tells.
    ok(as_user("tester", "systemd-run --user --quiet --collect --property=Delegate=yes --unit=inner.service " + INNER))
    try:
        sub_cgroup_in(CGROUPS / "user.slice/user-1000.slice/user@1000.service/app.slice/inner.service")
    finally:
        as_user("tester", "systemctl --user stop inner.service")


def test_a_users_scope_that_delegates_gets_a_sub_cgroup():
    sbx = subprocess.Popen(["setpriv", "--reuid=tester", "--regid=tester", "--init-groups", "env", "-i", "HOME=/home/tester",
                            "PATH=/usr/local/bin:/usr/bin:/bin", "XDG_RUNTIME_DIR=/run/user/1000", "systemd-run", "--user",
                            "--scope", "--quiet", "--property=Delegate=yes", "--unit=inner.scope", *INNER.split()])
    try:
        sub_cgroup_in(CGROUPS / "user.slice/user-1000.slice/user@1000.service/app.slice/inner.scope")
        sbx.wait(30)
    finally:
        sbx.kill()
        sbx.wait()


def test_a_users_service_that_does_not_delegate_gets_a_scope():
    found = ok(in_user_unit("tester", f"sbx run --explain {LIMITS} -- true && sbx run {REQUIRE} {LIMITS} -- true"))
    assert "sbx.slice" in found and "delegated" not in found, found
    no_scopes("tester")


def test_a_sub_cgroup_beside_the_unit_s_own():
    """DelegateSubgroup= (systemd 254) keeps the unit's cgroup free of processes: what sbx makes stands beside it."""
    if int(run("systemctl --version").stdout.split()[1]) < 254:
        return "systemd is too old for it"
    ok(as_user("tester", "systemd-run --user --quiet --collect --property=Delegate=yes --property=DelegateSubgroup=main "
                         "--unit=inner.service " + INNER))
    try:
        unit = CGROUPS / "user.slice/user-1000.slice/user@1000.service/app.slice/inner.service"
        sub_cgroup_in(unit, launcher="main")
    finally:
        as_user("tester", "systemctl --user stop inner.service")


def test_nothing_stays_after_a_failure():
    missing = as_user("tester", "sbx run --scope require -- /nowhere/command")
    assert missing.returncode == 127, missing
    no_scopes("tester")
    for step in ("bind", "verify-limits", "seccomp", "exec"):
        done = as_user("tester", f"env SBX_FAULT={step} /mnt/sbx-faulty run -p untrusted --scope require -m 100M -- true")
        assert done.returncode == (126 if step == "exec" else 125), (step, done)
        try:
            no_scopes("tester")
        except AssertionError as error:
            raise AssertionError(f"{step}: {error}") from None


def test_nothing_stays_after_sigkill():
    moments = random.Random(23)
    for _ in range(24):
        sbx = start("tester", "--scope require -m 100M", "sleep 4321")
        time.sleep(moments.uniform(0.02, 1.0))
        sbx.kill()
        sbx.wait()
    wait_for(lambda: not run(["pgrep", "-f", "sleep 4321"]).stdout, 25, "the payloads to go")
    no_scopes("tester")


def test_no_empty_scope_stays_of_a_killed_launcher():
    """Killed when the manager has made the scope's cgroup and not yet moved the child, whom the manager itself buries."""
    group = CGROUPS / "user.slice/user-1000.slice/user@1000.service/sbx.slice/sbx-untrusted-victim.scope/cgroup.procs"
    for _ in range(12):
        ok(as_user("tester", "systemd-run --user --quiet --collect --unit=victim.service sbx run --scope require -m 100M "
                             "--name victim -- sleep 4321"))
        launcher = int(value(ok(as_user("tester", "systemctl --user show victim.service -p MainPID")))["MainPID"])
        deadline = time.monotonic() + 30
        while not group.exists() and time.monotonic() < deadline:
            pass
        os.kill(launcher, signal.SIGKILL)
        wait_for(lambda: not run(["pgrep", "-x", "sbx"]).stdout, 15, "the child to go")
        no_scopes("tester")


def test_many_at_once():
    all_of_them = [start("tester", f"{REQUIRE} {LIMITS}", "true") for _ in range(6)]
    results = [(sbx.wait(60), sbx.stderr.read()) for sbx in all_of_them]
    assert all(status == 0 for status, _ in results), results
    no_scopes("tester")
