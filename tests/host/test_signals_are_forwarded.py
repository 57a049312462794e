"""Signals sent to sbx reach the payload, whose answer decides."""

import signal
import subprocess
import time

import pytest

FORWARDED = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH"]


def start(caller, script, *options):
    process = caller.start([caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", *options,
                            "--", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("name", FORWARDED)
def test_signal_reaches_the_payload(user, name):
    process = start(user, f"trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 0.02; done")
    process.send_signal(getattr(signal, f"SIG{name}"))
    out, err = process.communicate(timeout=15)
    assert process.returncode == 9 and out == f"got {name}\n".encode(), (process.returncode, out, err)


def test_signal_reaches_the_payload_of_every_caller(caller):
    process = start(caller, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done")
    process.terminate()
    assert process.wait(15) == 9


def test_signal_reaches_a_payload_that_keeps_a_capability(caller):
    """init gives it up apart from the payload; Landlock's scope must not come between them."""
    process = start(caller, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done", "--cap-add", "NET_BIND_SERVICE")
    process.terminate()
    assert process.wait(15) == 9


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_unhandled_signal_ends_it_and_is_told(user, name):
    process = start(user, "echo ready; exec sleep 60")
    process.send_signal(getattr(signal, f"SIG{name}"))
    number = getattr(signal, f"SIG{name}")
    assert process.wait(15) in (-number, 128 + number)


def test_ignored_signal_is_the_payloads_right(user):
    process = start(user, "trap '' TERM; echo ready; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; exit 4")
    process.terminate()
    assert process.wait(15) == 4


def test_many_signals_lose_none_that_matter(user):
    process = start(user, "n=0; trap 'n=$((n+1))' USR1; trap 'test $n -gt 0 && exit 3' TERM; echo ready; "
                          "while :; do sleep 0.02; done")
    for _ in range(200):
        process.send_signal(signal.SIGUSR1)
    time.sleep(0.3)
    process.terminate()
    assert process.wait(15) == 3


def test_stop_and_continue(user):
    process = start(user, "echo ready; sleep 0.3; echo over; exit 2")
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 2 and out == b"over\n"


def test_payload_cannot_signal_the_outside(caller):
    victim = caller.start(["sleep", "60"])
    outcome = caller.shell(f"kill -9 {victim.pid}; kill -9 -1; true")
    assert outcome.status in (0, 137), outcome
    assert victim.poll() is None


def test_payload_can_end_its_own_pid_1_only_with_itself(caller):
    outcome = caller.shell("kill -9 1; kill -TERM 1; sleep 0.2; exit 6")
    assert outcome.status in (6, 143, 137), outcome
