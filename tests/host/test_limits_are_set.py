"""Resource limits, signals, umask and working directory are what the profile says, not what the caller happened to have."""

import errno
import signal

import pytest


def test_rlimits(caller):
    seen = caller.probe("--set", "rlimits.nofile=100", "--set", "rlimits.core=0", "--ulimit", "fsize=4096:8192")
    assert seen["rlimits"]["nofile"] == [100, 100]
    assert seen["rlimits"]["core"] == [0, 0]
    assert seen["rlimits"]["fsize"] == [4096, 8192]


def test_rlimit_above_the_callers_hard_limit_is_refused_in_words(user):
    outcome = user.run("--set", "rlimits.nofile=5000", "--", "true", outer=["prlimit", "--nofile=1000:1000", "--"])
    assert outcome.status == 125 and "nofile" in outcome.error(), outcome


def test_signals_are_reset(caller):
    seen = caller.probe(outer=["sh", "-c", "trap '' HUP INT TERM USR1 PIPE CHLD; exec \"$@\"", "sh"])
    assert seen["signals_ignored"] == [] and seen["signals_blocked"] == []


def test_blocked_signals_are_unblocked(user):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGTERM, signal.SIGCHLD})
    try:
        seen = user.probe()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2, signal.SIGTERM, signal.SIGCHLD})
    assert seen["signals_blocked"] == [] and seen["signals_ignored"] == []


def test_umask_is_kept(user):
    assert user.probe(outer=["sh", "-c", 'umask 027; exec "$@"', "sh"])["umask"] == 0o027


def test_working_directory(caller):
    tree = caller.make_directory("work/tree")
    assert caller.probe("--ro", tree, "-w", tree)["cwd"] == str(tree)
    assert caller.probe("--set", "command.workdir=/usr")["cwd"] == "/usr"
    outcome = caller.run("-w", "/nonexistent/place", "--", "true")
    assert outcome.status == 125 and "/nonexistent/place" in outcome.error(), outcome


def test_current_directory_is_kept_where_it_is_visible(caller):
    tree = caller.make_directory("work/tree")
    seen = caller.probe(profile="build", cwd=tree, ask=["-w", str(tree)])
    assert seen["cwd"] == str(tree) and seen["write"][str(tree)] == 0


def test_tmpfs_size_holds(caller):
    outcome = caller.shell("head -c 2000000 /dev/zero > /scratch/file; stat -c %s /scratch/file",
                           "--set", 'filesystem.tmpfs=[{path="/scratch", size="1M"}]')
    assert "No space left" in outcome.err and int(outcome.out) <= 1 << 20, outcome


def test_build_profile_cannot_write_elsewhere(caller):
    tree = caller.make_directory("work/tree")
    beside = caller.make_directory("work/beside")
    seen = caller.probe(profile="build", cwd=tree, ask=["-w", "/usr", "-w", "/etc"])
    assert all(seen["write"].values()), seen["write"]
    # What is beside it doesn't exist inside: a private /tmp may stand in its place.
    caller.run("--", "sh", "-c", f"mkdir -p {beside}; touch {beside}/file", profile="build", cwd=tree)
    assert list(beside.iterdir()) == [] and list(tree.iterdir()) == []


@pytest.mark.parametrize("name", ["base", "untrusted", "build", "shell", "service", "ci"])
def test_each_shipped_profile_runs(caller, name):
    tree = caller.make_directory("work/tree")
    # The limits of `service` and `ci` are required: here, without a service manager, they have to be given up.
    accept = [word for limit in ("memory", "cpu", "pids", "io", "scope") for word in ("--accept", limit)]
    outcome = caller.run(*accept, "--", "/bin/sh", "-c", "echo works; exit 3", profile=name, cwd=tree)
    assert outcome.status == 3 and outcome.out == "works\n", outcome


def test_empty_profile_is_the_strictest(caller):
    empty = caller.profile("")
    outcome = caller.run("--", "/bin/true", profile=empty)
    assert outcome.status == 125 and "seccomp.allow" in outcome.error(), outcome
    # With the calls that any program needs, and nothing else said.
    empty = caller.profile('[seccomp]\nallow = ["@system-service"]\n')
    assert caller.run("--", "/bin/true", profile=empty).status == 127
    seen = caller.probe(profile=empty, ask=["-w", "/", "-w", "/tmp", "-r", "/etc/passwd"])
    assert seen["read"]["/etc/passwd"] == errno.ENOENT and seen["write"]["/"] != 0
    assert "etc" not in seen["root"] and "usr" not in seen["root"]
    assert seen["seccomp"] == 2 and seen["caps"]["bounding"] == 0
