"""What the host can't give stops the launch with cause and remedy, or is a loss that was accepted and is told."""

import os
import signal
import time

from support import as_user, no_scopes, ok, run, uid, wait_for

REQUIRED = "--scope require --require memory -m 100M"


def refused(done, *words: str) -> str:
    assert done.returncode == 125, done
    lines = [line for line in done.stderr.splitlines() if line.startswith("sbx: ")]
    assert len(lines) == 1, done
    for word in words:
        assert word in lines[0], f"no {word!r} in {lines[0]!r}"
    return lines[0]


def test_no_user_bus_is_an_error_where_limits_are_required():
    return refused(as_user("stranger", f"sbx run {REQUIRED} -- true"), "loginctl enable-linger")


def test_no_user_bus_is_a_told_loss_where_it_is_accepted():
    done = as_user("stranger", "sbx run -p untrusted -- echo ran")
    assert ok(done) == "ran\n" and "memory" in done.stderr and "enable-linger" in done.stderr, done


def test_no_runtime_directory():
    done = as_user("stranger", f"sbx run {REQUIRED} -- true", environment="env -u XDG_RUNTIME_DIR")
    return refused(done, "loginctl enable-linger")


def test_another_users_runtime_directory_is_not_used():
    done = as_user("tester", f"sbx run {REQUIRED} -- true", environment=f"env XDG_RUNTIME_DIR=/run/user/{uid('cut')}")
    assert done.returncode == 0, done  # its own, found by its uid
    done = as_user("stranger", f"sbx run {REQUIRED} -- true", environment=f"env XDG_RUNTIME_DIR=/run/user/{uid('tester')}")
    return refused(done)


def test_a_controller_that_is_not_delegated_is_an_error():
    line = refused(as_user("cut", f"sbx run {REQUIRED} -- true"), "memory", "Delegate=")
    no_scopes("cut")
    return line


def test_a_controller_that_is_not_delegated_is_a_told_loss():
    done = as_user("cut", "sbx run -p untrusted --pids-limit 33 -- echo ran")
    assert ok(done) == "ran\n" and "without memory" in done.stderr and "without pids" not in done.stderr, done
    no_scopes("cut")


def test_io_is_not_delegated_to_users():
    refused(as_user("tester", "sbx run --require io --set cgroup.io.weight=50 -- true"), "io", "Delegate=")
    refused(as_user("tester", "sbx run --set 'systemd.properties.AllowedCPUs=0' --scope require -- true"), "cpuset", "Delegate=")
    no_scopes("tester")


def test_root_has_every_controller():
    ok(run("sbx run --require io --set cgroup.io.weight=50 --set systemd.properties.AllowedCPUs=0 --scope require -- true"))


def test_a_manager_that_hangs_is_not_waited_for_forever():
    manager = int(ok(run(f"systemctl show user@{uid('tester')}.service -p MainPID --value")))
    os.kill(manager, signal.SIGSTOP)
    try:
        started = time.monotonic()
        line = refused(as_user("tester", f"sbx run {REQUIRED} -- true"), "service manager")
        assert time.monotonic() - started < 45
    finally:
        os.kill(manager, signal.SIGCONT)
    no_scopes("tester")
    ok(as_user("tester", f"sbx run {REQUIRED} -- true"))
    return line


def test_the_same_name_twice():
    done = as_user("tester", "sh -c \"sbx run --scope require --name twin -- sleep 20 & one=\\$!; "
                   "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.5; "
                   "systemctl --user -q is-active sbx-untrusted-twin.scope && break; done; "
                   "sbx run --scope require --name twin -- true; status=\\$?; kill \\$one; wait; exit \\$status\"")
    line = refused(done, "a sandbox named twin is running")
    no_scopes("tester")
    return line


def test_names_and_properties_that_the_manager_would_not_take():
    refused(as_user("tester", "sbx run --set systemd.slice=none -- true"), ".slice")
    refused(as_user("tester", "sbx run --set systemd.properties.MemroyMax=1G -- true"), "MemoryMax")
    refused(as_user("tester", "sbx run --set systemd.properties.CPUWeight=20000 -- true"), "CPUWeight")


def test_a_property_that_is_newer_than_the_manager():
    done = as_user("tester", "sbx run --scope require --set systemd.properties.CoredumpReceive=yes -- true")
    if "systemd 252" in run("systemctl --version").stdout:
        return refused(done, "CoredumpReceive")
    ok(done)


def test_user_namespaces_forbidden_by_sysctl():
    for name, forbidden, usual in (("user.max_user_namespaces", "0", None), ("kernel.unprivileged_userns_clone", "0", "1")):
        before = usual or ok(run(["sysctl", "-n", name])).strip()
        ok(run(["sysctl", "-q", "-w", f"{name}={forbidden}"]))
        try:
            refused(as_user("tester", "sbx run -- true"), name)
            doctor = as_user("tester", "sbx doctor")
            assert doctor.returncode != 0 and name in doctor.stdout + doctor.stderr, doctor
        finally:
            ok(run(["sysctl", "-q", "-w", f"{name}={before}"]))
    ok(as_user("tester", "sbx run -- true"))


def test_doctor_on_a_fit_host():
    done = as_user("tester", "sbx doctor")
    assert done.returncode == 0, done
    assert "linger" in done.stdout.lower(), done.stdout
    done = as_user("stranger", "sbx doctor")
    assert "enable-linger" in done.stdout, done


def test_the_bus_library_is_missing():
    """Nothing but the scope needs libsystemd, and its absence is told by name."""
    library = ok(run("ls /lib/x86_64-linux-gnu/libsystemd.so.0 /usr/lib/x86_64-linux-gnu/libsystemd.so.0 2>/dev/null | tail -1")).strip()
    # In a mount namespace of the test's own, where the file is covered.
    covered = f"unshare -m sh -c 'mount --bind /dev/null {library} && exec setpriv --reuid=tester --regid=tester --init-groups " \
              "env XDG_RUNTIME_DIR=/run/user/1000 HOME=/home/tester PATH=/usr/local/bin:/usr/bin:/bin sh -c \"cd; {}\"'"
    line = refused(run(covered.format(f"sbx run {REQUIRED} -- true")), "libsystemd.so.0")
    done = run(covered.format("sbx run -p untrusted -- echo ran"))
    assert ok(done) == "ran\n" and "libsystemd.so.0" in done.stderr, done
    return line
