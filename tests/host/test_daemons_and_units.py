"""A command that becomes a daemon, as Type=forking has it; and `sbx unit`, whose text systemd itself checks."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

import harness


def daemon(caller, script, *options):
    """Starts it; sbx's outcome, and the process that stays, once it is there."""
    ready = caller.work / "ready"
    outcome = caller.run("--forking", "--rw", caller.work, *options, "--", "sh", "-c", script.format(ready=ready))
    return outcome, ready


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds * harness.SLOWNESS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


FORKS = "(trap 'echo term > {ready}; exit 0' TERM; echo up > {ready}; while :; do sleep 0.05; done) >/dev/null 2>&1 & exit 0"


def launcher_of(ready):
    """The sbx that stays; init, which is a copy of it, has wiped its command line."""
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError:
            continue
        if b"sbx\0run\0" in words and b"--forking" in words and str(ready).encode() in words:
            return int(pid)
    return None


def test_the_daemon_outlives_the_first_process_and_takes_its_place(caller):
    outcome, ready = daemon(caller, FORKS)
    assert outcome.status == 0 and outcome.seconds < 15 * harness.SLOWNESS, outcome
    wait_for(lambda: ready.exists() and ready.read_text() == "up\n")
    sbx = launcher_of(ready)
    os.kill(sbx, signal.SIGTERM)
    wait_for(lambda: ready.read_text() == "term\n")  # signals go to the daemon
    wait_for(lambda: launcher_of(ready) is None)


def test_the_manager_is_told_of_the_new_main_process(user):
    path = user.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10 * harness.SLOWNESS)
        user.own(path)
        ready = user.work / "ready"
        outer = ("sh", "-c", 'export SYSTEMD_EXEC_PID=$$; exec "$@"', "sh")
        outcome = user.run("--forking", "--rw", user.work, "--", "sh", "-c", FORKS.format(ready=ready), env={"NOTIFY_SOCKET": str(path)}, outer=outer)
        assert outcome.status == 0, outcome
        sbx = launcher_of(ready)
        assert manager.recv(99).decode() == f"MAINPID={sbx}"
        os.kill(sbx, signal.SIGTERM)
        wait_for(lambda: launcher_of(ready) is None)


def test_a_daemon_of_a_double_fork(user):
    script = "( (echo up > {ready}; sleep 0.6; echo over > {ready}) & ) & sleep 0.1; exit 0"
    outcome, ready = daemon(user, script + "")
    assert outcome.status == 0, outcome
    wait_for(lambda: ready.exists() and ready.read_text() == "over\n")
    wait_for(lambda: launcher_of(ready) is None)


@pytest.mark.parametrize("script, status", [("exit 3", 3), ("kill -TERM $$", 143), ("exit 0", 0)])
def test_without_a_daemon_the_status_is_the_commands(user, script, status):
    outcome, ready = daemon(user, script)
    assert outcome.status == status and launcher_of(ready) is None, outcome


def test_a_failure_leaves_nothing_behind(user):
    outcome, ready = daemon(user, "(sleep 50) & exit 1")
    assert outcome.status == 1 and launcher_of(ready) is None, outcome


def test_a_failed_start_is_told(user):
    outcome = user.run("--forking", "--", "/nowhere")
    assert outcome.status == 127 and "no such" in outcome.error().lower() or "nowhere" in outcome.error(), outcome


def test_a_daemon_has_no_terminal(user):
    outcome = user.run("--forking", "-t", "--", "true")
    assert outcome.status == 125 and "exclude each other" in outcome.error(), outcome


def test_without_the_option_the_sandbox_ends_with_its_first_process(user):
    ready = user.work / "ready"
    outcome = user.run("--rw", user.work, "--", "sh", "-c", FORKS.format(ready=ready))
    assert outcome.status == 0 and launcher_of(ready) is None
    assert not ready.exists() or ready.read_text() in ("up\n", "")


@pytest.mark.parametrize("arguments", [
    ["service", "--", "sleep", "100"],
    ["service", "--user", "--type", "notify", "--set", "cgroup.cpu.max=33%", "--", "python3", "-c", "print('%s $x;')", ";", "a\nb"],
    ["ci", "--system", "--as", "www-data", "--type", "oneshot", "--", "make", "check"],
    ["build", "--type", "forking"],
])
def test_units_pass_systemds_own_check(user, arguments):
    outcome = user.sbx("unit", *arguments)
    assert outcome.status == 0, outcome
    file = user.write("printed.service", outcome.out)
    checked = subprocess.run(["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0 and not checked.stderr.strip(), (outcome.out, checked)
    assert "Delegate=yes" in outcome.out and "KillMode=mixed" in outcome.out


def test_a_units_command_cannot_add_directives(user):
    text = user.sbx("unit", "service", "--", "echo", "a\nExecStartPre=/bin/false", "x\\").out
    assert len(re.findall("^Exec", text, re.MULTILINE)) == 1, text


@pytest.mark.parametrize("arguments, words", [
    ([], "needs a profile"), (["service"], "no command"), (["nonesuch", "--", "x"], "nonesuch"),
    (["service", "--type", "dbus", "--", "x"], "--type dbus"), (["service", "--user", "--system", "--", "x"], "exclude each other"),
    (["service", "--as", "web", "--", "x"], "--system"),
])
def test_mistakes(user, arguments, words):
    outcome = user.sbx("unit", *arguments)
    assert outcome.status == 125 and words in outcome.error(), outcome


def test_the_installed_units_are_good():
    for manager in ("user", "system"):
        text = (harness.BUILD / "units" / manager / "sbx@.service").read_text()
        assert "ExecStart=/" in text and "@bindir@" not in text
