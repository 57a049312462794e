"""Running sandboxes, seen and acted on by another sbx: ps, inspect, stats, wait, events, kill, stop, and what can't be had
without a cgroup."""

import json
import os
import signal
import subprocess
import time

import harness
import pytest

from fleet import Fleet


pytestmark = pytest.mark.new_kernel  # pidfd_open


@pytest.fixture
def fleet(caller):
    return Fleet(caller)


def test_ps_shows_what_runs(fleet, caller):
    assert fleet.ps() == []
    process, row = fleet.started("sleep", "60", name="first")
    assert row["state"] == "running" and row["profiles"] == ["plain"] and row["command"][-2:] == ["sleep", "60"], row
    assert row["pid"] in harness.descendants(process.pid)
    table = caller.sbx("ps").out.splitlines()
    assert table[0].split() == ["ID", "PROFILE", "COMMAND", "CREATED", "STATUS", "NAME"], table
    assert table[1].startswith(row["id"]) and table[1].endswith("first") and " Up " in table[1], table
    assert caller.sbx("ps", "-q").out == row["id"] + "\n"
    assert caller.sbx("ps", "--format", "{{.Name}}\\t{{.ID}}").out == f"first\t{row['id']}\n"
    fleet.started("sleep", "60", name="second")
    assert [one["name"] for one in fleet.ps()] == ["second", "first"]
    assert [one["name"] for one in fleet.ps("--filter", "name=fir")] == ["first"]
    assert [one["name"] for one in fleet.ps("--filter", "name=fir", "--filter", "name=sec")] == ["second", "first"]
    assert fleet.ps("--filter", "profile=build") == [] and fleet.ps("--filter", "status=frozen") == []
    assert [one["name"] for one in fleet.ps("--latest")] == ["second"]
    process.terminate()
    process.wait(20)
    assert [one["name"] for one in fleet.ps()] == ["second"]
    ended = fleet.ps("-a", "--filter", "name=first")
    assert [(one["state"], one["exit_status"]) for one in ended] == [("exited", 143)], ended


def test_wrong_words_are_told_with_what_is_near(fleet, caller):
    fleet.started("sleep", "60", name="webserver")
    assert "did you mean webserver?" in caller.sbx("stop", "webservr").error()
    assert "did you mean {{.Name}}?" in caller.sbx("ps", "--format", "{{.Nam}}").error()
    assert "status" in caller.sbx("ps", "--filter", "status=gone").error()
    assert "no sandbox is named" in caller.sbx("kill").error()
    assert "exclude each other" in caller.sbx("stop", "--all", "webserver").error()
    assert "not a signal" in caller.sbx("kill", "-s", "NOSUCH", "webserver").error()


def test_ids_by_their_beginning(fleet, caller):
    _, row = fleet.started("sleep", "60", name="one")
    assert json.loads(caller.sbx("inspect", row["id"][:5]).out)[0]["name"] == "one"
    outcome = caller.sbx("inspect", "")
    assert outcome.status == 125, outcome


def test_names_are_unique(fleet, caller):
    fleet.started("sleep", "60", name="same")
    again = caller.run("--name", "same", "--", "true")
    assert again.status == 125 and "a sandbox named same is running" in again.error() and "[register]" in again.error(), again
    caller.sbx("stop", "-t", "5", "same")
    assert caller.run("--name", "same", "--", "true").status == 0


def test_of_many_started_at_once_with_one_name_one_runs(fleet):
    running = [fleet.start("sleep", "2", name="race") for _ in range(8)]
    ends = [process.wait(60) for process in running]
    assert sorted(ends) == [0] + [125] * 7, ends


def test_inspect_tells_of_spec_plan_and_state(fleet, caller):
    _, row = fleet.started("sleep", "60", name="seen", options=["--require", "seccomp", "-e", "GIVEN=yes"])
    seen = json.loads(caller.sbx("inspect", "seen").out)[0]
    assert seen["id"] == row["id"] and seen["pid"] == row["pid"]
    assert "GIVEN=yes" in seen["spec"]["environment"] and seen["spec"]["namespaces"]["pid"] is True
    assert any("sleep" in one["command"] for one in seen["state"]["processes"]), seen["state"]
    assert seen["state"]["init"]["NoNewPrivs"] == "1" and seen["state"]["init"]["Seccomp"] == "2"
    assert any(item["protection"] == "seccomp" and item["enforced"] for item in seen["receipt"]), seen["receipt"]
    assert any("mount" in line for line in seen["plan"])


def test_stats_without_a_cgroup_says_what_it_lacks(fleet, caller):
    fleet.started("sh", "-c", "while :; do :; done", name="busy")
    time.sleep(1)
    outcome = caller.sbx("stats", "--no-stream")
    head, row = outcome.out.splitlines()
    assert head.split() == "ID NAME CPU % MEM USAGE / LIMIT MEM % NET IO BLOCK IO PIDS".split()
    assert "-- / --" in row and "busy has no cgroup of its own" in outcome.error(), outcome
    one = json.loads(caller.sbx("stats", "--no-stream", "--json", "busy").out)[0]
    assert one["source"] == "proc" and one["cpu_percent"] > 5 and one["memory"] > 0 and one["pids"] >= 2, one
    assert one["net_in"] == 0 and one["io_read"] is None, one


def test_stats_goes_on_until_the_end(fleet, caller):
    process, _ = fleet.started("sleep", "60", name="brief")
    live = caller.start([caller.programs.sbx, "stats", "--json", "-i", "200ms", "brief"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = [json.loads(live.stdout.readline()) for _ in range(3)]
    assert all(line[0]["name"] == "brief" for line in lines)
    process.terminate()
    process.wait(20)
    assert live.wait(20) == 0


def test_stop_gives_time_and_then_ends_by_force(fleet, caller):
    kind, _ = fleet.started("sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done", name="kind")
    begin = time.monotonic()
    outcome = caller.sbx("stop", "-t", "20", "kind")
    assert outcome.status == 0 and outcome.out == "kind\n" and time.monotonic() - begin < 15, outcome
    assert kind.wait(10) == 7 and fleet.ps() == []
    deaf, _ = fleet.started("sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", name="deaf")
    begin = time.monotonic()
    assert caller.sbx("stop", "-t", "0.5", "deaf").status == 0
    assert time.monotonic() - begin >= 0.5 and deaf.wait(10) == 137


def test_stop_all(fleet, caller):
    running = [fleet.started("sleep", "60", name=f"n{i}")[0] for i in range(3)]
    outcome = caller.sbx("stop", "--all", "-t", "5")
    assert outcome.status == 0 and sorted(outcome.out.split()) == ["n0", "n1", "n2"], outcome
    assert [process.wait(10) for process in running] == [143] * 3
    assert caller.sbx("stop", "--all").status == 0


def test_kill_sends_a_signal_to_the_command(fleet, caller):
    trap = "trap 'echo usr1' USR1; trap 'exit 9' HUP; while :; do sleep 0.05; done"
    process, _ = fleet.started("sh", "-c", trap, name="target")
    assert caller.sbx("kill", "-s", "USR1", "target").out == "target\n"
    assert process.stdout.readline() == b"usr1\n"
    assert caller.sbx("kill", "-s", "sighup", "target").status == 0
    assert process.wait(10) == 9
    process, _ = fleet.started("sleep", "60", name="target")
    assert caller.sbx("kill", "target").status == 0
    assert process.wait(10) == 137


def test_kill_all_reaches_every_process(fleet, caller):
    script = "(trap 'echo child' USR1; while :; do sleep 0.05; done) & trap 'echo parent' USR1; while :; do sleep 0.05; done"
    process, row = fleet.started("sh", "-c", script, name="family")
    harness.wait_for(lambda: len(harness.descendants(row["pid"])) >= 3, what="the family")
    time.sleep(0.3)
    outcome = caller.sbx("kill", "--all", "-s", "USR1", "family")
    assert outcome.status == 0, outcome
    # A sleep of theirs, which has no handler, ends by it; the shells go on.
    assert sorted([process.stdout.readline(), process.stdout.readline()]) == [b"child\n", b"parent\n"]
    assert caller.sbx("kill", "--all", "family").status == 0 and process.wait(10) == 137
    assert "freeze" in caller.sbx("kill", "-s", "STOP", "family").error()


def test_what_takes_a_cgroup_says_so_without_one(fleet, caller):
    fleet.started("sleep", "60", name="bare")
    for words in (["freeze", "bare"], ["thaw", "bare"], ["update", "bare", "--memory", "1G"]):
        outcome = caller.sbx(*words)
        assert outcome.status == 125 and "has no cgroup of its own" in outcome.error() and "sbx doctor" in outcome.error(), outcome
    assert "no limit is given" in caller.sbx("update", "bare").error()
    assert "cgroup." in caller.sbx("update", "bare", "--set", "seccomp.errno=log").error()


def test_wait_returns_the_status(fleet, caller):
    process, _ = fleet.started("sh", "-c", "sleep 0.5; exit 5", name="waited")
    outcome = caller.sbx("wait", "waited")
    assert outcome.status == 0 and outcome.out == "5\n", outcome
    assert process.wait(10) == 5
    assert caller.sbx("wait", "waited").out == "5\n"  # once more, from what is remembered
    fleet.started("sleep", "60", name="long")
    late = caller.sbx("wait", "--timeout", "0.3", "long")
    assert late.status == 124 and "still running" in late.error(), late
    assert "no sandbox of yours" in caller.sbx("wait", "nobody").error()


def test_events_as_they_come(fleet, caller):
    follower = caller.start([caller.programs.sbx, "events", "--json", "--timeout", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    harness.wait_for(lambda: "inotify" in str([os.readlink(f"/proc/{follower.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{follower.pid}/fd")]), what="inotify")
    time.sleep(0.2)
    process, row = fleet.started("sh", "-c", "sleep 1; exit 3", name="eventful")
    started = json.loads(follower.stdout.readline())
    assert (started["event"], started["id"], started["name"]) == ("started", row["id"], "eventful"), started
    exited = json.loads(follower.stdout.readline())
    assert (exited["event"], exited["id"], exited["status"], exited["ending"]) == ("exited", row["id"], 3, "exited"), exited
    # One that is over before it can be looked at.
    assert caller.run("--name", "short", "--", "true").status == 0
    words = [json.loads(follower.stdout.readline()) for _ in range(2)]
    assert [(word["event"], word["name"]) for word in words] == [("started", "short"), ("exited", "short")], words


def test_without_a_runtime_directory(caller):
    """A run goes on; what is named says that it won't be found; looking for sandboxes says what is missing."""
    nowhere = {"SBX_RUNTIME_DIR": "/proc/nowhere/sbx"}
    assert caller.run("--", "echo", "ran", env=nowhere).err == ""
    named = caller.run("--name", "lost", "--", "echo", "ran", env=nowhere)
    assert named.status == 0 and named.out == "ran\n" and "lost won't be found by sbx ps" in named.error(), named
    outcome = caller.sbx("ps", env=nowhere)
    assert outcome.status == 125 and "/proc/nowhere/sbx" in outcome.error(), outcome
    if caller.kind == "user":
        outcome = caller.sbx("ps", env={"SBX_RUNTIME_DIR": None, "XDG_RUNTIME_DIR": None})
        assert outcome.status == 125 and "XDG_RUNTIME_DIR isn't set" in outcome.error() and "pam_systemd" in outcome.error(), outcome


@pytest.mark.parametrize("words", [["ps"], ["stats", "--no-stream"], ["kill", "some"], ["stop", "--all"]], ids=lambda words: words[0])
def test_a_kernel_without_pidfds_is_told_of(fleet, caller, words):
    """Rather than that nothing runs."""
    fleet.started("sleep", "60", name="some")
    outcome = caller.sbx(*words, deny="pidfd_open")
    assert outcome.status == 125 and "pidfd_open" in outcome.error() and "5.3" in outcome.error(), outcome
