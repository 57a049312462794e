"""What the host can't give stops the launch with cause and way out, unless it may be lost: then the loss is said."""

import pytest


def test_scope_auto_goes_on_and_says_so_in_one_line(caller):
    outcome = caller.run("--set", "systemd.scope=auto", "--", "echo", "ran", scope=True)
    assert outcome.status == 0 and outcome.out == "ran\n", outcome
    assert len(outcome.err.splitlines()) == 1 and "scope" in outcome.err, outcome


def test_scope_that_is_required_stops_it(caller):
    outcome = caller.run("--set", "systemd.scope=require", "--", "echo", "ran", scope=True)
    assert outcome.status == 125 and outcome.out == "", outcome
    assert "service manager" in outcome.error() or "bus" in outcome.error(), outcome


@pytest.mark.parametrize("limit", ["memory.max=100M", "pids.max=10", "cpu.max=50%"])
def test_limit_that_cannot_hold_stops_it(caller, limit):
    for mode in ("auto", "none"):
        outcome = caller.run("--set", f"systemd.scope={mode}", "--set", f"cgroup.{limit}", "--", "echo", "ran", scope=True)
        assert outcome.status == 125 and outcome.out == "", outcome
        line = [line for line in outcome.err.splitlines() if "cannot" in line]
        assert len(line) == 1 and limit.split("=")[0] in line[0], outcome


def test_limit_that_may_be_lost_is_said_to_be_lost(caller):
    outcome = caller.run("--set", "cgroup.memory.max=100M", "--accept", "memory", "--accept", "scope", "--", "echo", "ran",
                         scope=True)
    assert outcome.status == 0 and outcome.out == "ran\n" and "memory" in outcome.err, outcome


def test_landlock_is_required_where_the_profile_says_so(user):
    assert user.run("--set", "landlock.mode=require", "--", "true", deny="").status == 0
    outcome = user.run("--set", "landlock.mode=require", "--", "echo", "ran", deny="ENOSYS:landlock_create_ruleset")
    assert outcome.status == 125 and "Landlock" in outcome.error() and outcome.out == "", outcome


def test_landlock_auto_goes_on_without_and_says_so(user):
    outcome = user.run("--report", "--", "echo", "ran", deny="ENOSYS:landlock_create_ruleset")
    assert outcome.status == 0 and "ran\n" in outcome.out and "landlock" in outcome.err.lower(), outcome


def test_requirement_that_falls_short_stops_it(user):
    outcome = user.run("--require", "landlock", "--", "echo", "ran", deny="ENOSYS:landlock_create_ruleset")
    assert outcome.status == 125 and outcome.out == "" and "andlock" in outcome.error(), outcome
    outcome = user.run("--require", "memory", "--", "echo", "ran")
    assert outcome.status == 125 and outcome.out == "", outcome


def test_hardening_that_fails_stops_the_launch(user):
    """A keyring that can't be joined anew is no detail: the payload would hold the caller's keys."""
    outcome = user.run("--", "echo", "ran", deny="EPERM:keyctl")
    assert outcome.status in (0, 125), outcome
    if outcome.status == 0:
        assert "keyring" in outcome.err, outcome
