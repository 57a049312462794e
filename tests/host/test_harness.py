"""The harness itself: callers are who they say they are, and a leftover is seen."""

import os
import subprocess
import time

import harness


def test_callers_are_who_they_say(caller):
    seen = caller.probe_outside()
    if caller.kind == "user":
        assert seen["uid"] == [caller.uid] * 3 and caller.uid != 0 and seen["caps"]["effective"] == 0
    else:
        assert seen["uid"] == [0, 0, 0]
    own = os.readlink("/proc/self/ns/user")
    assert (seen["ns"]["user"] != own) == (caller.kind == "unshare")


def test_denied_calls_are_denied(caller):
    outcome = caller.execute(["unshare", "-U", "true"], deny="EPERM:userns")
    assert outcome.status != 0 and "not permitted" in outcome.err


def test_an_orphan_is_seen():
    subprocess.run(["sh", "-c", "sleep 60 &"], timeout=10)
    known = set()
    orphan, end = [], time.monotonic() + 10
    while not orphan and time.monotonic() < end:  # its parent doesn't wait until it is past exec
        orphan = [pid for pid, name in harness.descendants(os.getpid()).items() if name == "sleep"]
    assert orphan
    assert harness.leftovers(harness.mounts(), harness.traces(), known, patience=0)
    os.kill(orphan[0], 9)
    os.waitpid(orphan[0], 0)
