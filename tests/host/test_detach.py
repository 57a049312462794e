"""sbx run --detach: the id is printed once the command runs; the launcher stays in the background, with nothing of the caller's."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

import harness

pytestmark = pytest.mark.new_kernel  # a running sandbox is found by pidfd_open


def detach(caller, *words, options=(), **more):
    return caller.run("--detach", *options, "--", *words, **more)


def entries(caller):
    found = []
    for path in caller.registry.glob("????????.json"):
        try:
            found.append(json.loads(path.read_text()))
        except FileNotFoundError:  # it has just ended
            continue
    return found


@pytest.fixture
def clean(request):
    """Ends what a test left in the background."""
    callers = []
    yield callers.append
    for caller in callers:
        for entry in entries(caller):
            try:
                os.kill(entry["launcher"], signal.SIGTERM)
            except ProcessLookupError:
                pass
        harness.wait_for(lambda: not entries(caller), what="the end of the sandboxes")


def script(caller, text):
    """A shell of one user namespace for the caller that has one of its own."""
    return caller.execute(["sh", "-c", f'run="{caller.programs.sbx} run --profile plain --set systemd.scope=none"; sbx={caller.programs.sbx}; {text}'])


def test_it_prints_the_id_and_runs_on(caller):
    outcome = script(caller, 'id=$($run -d --name later -- sh -c "sleep 0.5; exit 3") || exit 9; echo "$id"; $sbx exec later -- echo entered; '
                             'n=0; while test -e "$SBX_RUNTIME_DIR/$id.json"; do n=$((n+1)); test $n -lt 300 || exit 8; sleep 0.02; done')
    assert outcome.status == 0 and re.fullmatch(r"[a-z0-9]{8}\nentered\n", outcome.out) and not outcome.err, outcome


def test_the_caller_is_not_held(user, clean):
    """Neither by its pipes nor by its directory: whoever reads the output to its end has it at once."""
    clean(user)
    outcome = detach(user, "sleep", "60", timeout=20, outer=["sh", "-c", 'exec 7>&1 8>&2; exec "$@"', "sh"])
    assert outcome.status == 0 and outcome.seconds < 15, outcome
    entry, = entries(user)
    launcher = pathlib.Path(f"/proc/{entry['launcher']}")
    links = {os.readlink(fd) for fd in (launcher / "fd").iterdir()}
    assert not [link for link in links if link.startswith("pipe:")], links
    assert os.readlink(launcher / "cwd") == "/"
    fields = (launcher / "stat").read_text().rsplit(")", 1)[1].split()
    assert fields[3] == str(entry["launcher"]) and fields[4] == "0", fields  # a session of its own, without a terminal
    payload, = [pid for pid, name in harness.descendants(entry["pid"]).items() if name == "sleep"]
    assert {os.readlink(fd) for fd in pathlib.Path(f"/proc/{payload}/fd").iterdir()} == {"/dev/null"}


@pytest.mark.parametrize("words, options, status, said", [(["nosuchcommand"], [], 127, "nosuchcommand"), (["true"], ["--rw", "/absent/path"], 125, "/absent/path"),
                                                          (["true"], ["-i"], 125, "add -t"), (["/etc/passwd"], [], 126, "/etc/passwd")])
def test_what_fails_is_said_in_the_foreground(user, words, options, status, said):
    outcome = detach(user, *words, options=options)
    assert outcome.status == status and said in outcome.error() and not outcome.out, outcome
    assert not entries(user)


def test_without_a_registry_it_is_refused(user):
    outcome = detach(user, "sleep", "60", env={"SBX_RUNTIME_DIR": "/proc/nowhere"})
    assert outcome.status == 125 and "/proc/nowhere" in outcome.error(), outcome


def test_the_hangup_of_the_terminal_is_no_end(user, terminal, clean):
    clean(user)
    # Whoever runs the tests may ignore the signal, which a shell would keep.
    line = terminal(user, ["env", "--default-signal=HUP", "sh", "-c",
                           f"{user.programs.sbx} run -d --profile plain --set systemd.scope=none -- sleep 60; read line"])
    harness.wait_for(lambda: any(user.registry.glob("*.details.json")), what="the start")
    os.kill(line.process.pid, signal.SIGHUP)
    line.wait()  # the session's leader is gone, and the terminal with it
    time.sleep(0.3)
    entry, = entries(user)
    assert pathlib.Path(f"/proc/{entry['pid']}").exists()


def test_the_interrupt_of_a_launch_ends_it(user, terminal):
    """^C while it still is on its way: nothing stays in the background."""
    os.mkfifo(user.work / "pipe")
    user.own(user.work / "pipe")
    line = terminal(user, [user.programs.sbx, "run", "-d", "--profile", "plain", "--set", "systemd.scope=none", "--env-file", "pipe", "--", "sleep", "60"])
    time.sleep(0.3)
    line.type("\x03")
    assert line.wait() == 130
    assert not entries(user)


def test_wall_time_and_signals_hold(user):
    outcome = detach(user, "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done", options=["--timeout", "1"])
    assert outcome.status == 0, outcome
    harness.wait_for(lambda: not entries(user), timeout=15, what="the end by the wall time")


def test_the_report_is_written_at_the_end(user):
    outcome = detach(user, "sh", "-c", "exit 5", options=["--report=json:report.json"])
    assert outcome.status == 0, outcome
    path = user.work / "report.json"
    harness.wait_for(lambda: path.exists() and path.read_text().endswith("\n"), what="the report")
    assert json.loads(path.read_text())["exit_code"] == 5
