"""SIGKILL to sbx, at any moment of the set-up and after, ends everything: no process, mount, file or placeholder stays."""

import os
import random
import signal
import subprocess
import time

import pytest

import harness

TRIES = int(os.environ.get("SBX_TEST_KILLS", "300"))


def begin(caller, script, *options):
    return caller.start([caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", *options,
                         "--", "sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def setup_time(caller):
    """How long a launch takes here, to spread the moments over it."""
    return sorted(caller.run("--", "true").seconds for _ in range(3))[1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_random_moments(caller, number):
    if caller.kind == "root" and number == signal.SIGTERM:
        tries = TRIES // 4
    else:
        tries = TRIES if number == signal.SIGKILL else TRIES // 2
    known = set(harness.descendants(os.getpid()))
    mounts, traces = harness.mounts(), harness.traces()
    span = setup_time(caller)
    moments = random.Random(20)
    for attempt in range(tries):
        process = begin(caller, "trap '' TERM; sleep 0.2; while :; do sleep 1; done" if number == signal.SIGKILL else "exec sleep 60")
        moment = moments.uniform(0, 1.3 * span)
        time.sleep(moment)
        process.send_signal(number)
        process.wait(10 * harness.SLOWNESS)
        caller.running.clear()
        left = harness.leftovers(mounts, traces, known, patience=2 * harness.SLOWNESS)
        assert not left, f"try {attempt}, killed after {moment * 1000:.2f} ms of {span * 1000:.1f}: {left}"


def test_placeholders_of_a_killed_sandbox_go(user):
    tree = user.make_directory("work/tree")
    absent = tree / ".env"
    moments = random.Random(21)
    span = setup_time(user)
    for attempt in range(60):
        process = begin(user, "sleep 60", "--rw", tree, "--hide", absent)
        time.sleep(moments.uniform(0, 2 * span))
        process.kill()
        process.wait(10)
        user.running.clear()
        end = time.monotonic() + 3
        while os.listdir(tree) and time.monotonic() < end:
            time.sleep(0.01)
        # What a killed sbx could not take away, the next one must not stumble over, and takes away.
        if os.listdir(tree):
            assert user.run("--rw", tree, "--hide", absent, "--", "true").status == 0
        assert os.listdir(tree) == [], f"try {attempt}"


@pytest.mark.parametrize("rounds", [40])
def test_killed_init_ends_it_all(user, rounds):
    moments = random.Random(22)
    span = setup_time(user)
    for _ in range(rounds):
        process = begin(user, "sleep 60")
        time.sleep(moments.uniform(0, 2 * span))
        for pid in harness.descendants(process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            break
        else:
            process.kill()
        process.wait(10 * harness.SLOWNESS)
        user.running.clear()


def test_killed_parent_of_sbx_alone_keeps_the_sandbox(user):
    """Who dies with whom: the sandbox with sbx, not with the shell that started it."""
    place = user.make_directory("work/out")
    mark = place / "mark"
    script = f'"$@" & echo $! > {place}/pid; kill -KILL $$'
    words = [user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--rw", place,
             "--", "sh", "-c", f"sleep 0.5; echo done > {mark}"]
    user.start(["sh", "-c", script, "sh", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait(10)
    harness.wait_for(mark.exists, 10, "the end of the payload")
