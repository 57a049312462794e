"""A fault at each Step stops the launch: one line that names the step, status 125, and nothing left behind."""

import os
import subprocess

import pytest

import harness

# Steps that a run of this kind doesn't pass through are made to be passed by these options.
OPTIONS = {
    "make-placeholders": ["--rw", "{tree}", "--hide", "{tree}/absent"],
    "hide": ["--ro", "{tree}", "--hide", "{tree}/file"],
    "layer": ["--ro", "{tree}", "--hide", "{tree}/absent"],
    "make-file": ["--set", 'filesystem.file=[{{path="/made/file", content="x"}}]'],
    "make-symlink": ["--set", 'filesystem.symlink=[{{target="/made/link", to="x"}}]'],
    "set-rlimits": ["--ulimit", "nofile=100"],
    "relay-notifications": ["--sdnotify=container"],
    "verify-receipt": ["--report=json:{tree}/report"],
    "open-journal": ["--log=journal"],
    "write-report": ["--report=json:{tree}/report"],
    "set-up-network": ["--net", "filtered", "--allow", "192.0.2.1"],
}
# Steps of the service manager are exercised where one runs: tests/vm.
WITH_MANAGER = {"connect-bus", "start-scope", "verify-limits", "make-cgroup"}
# After these the payload has run, or has begun to.
AFTER_START = {"monitor", "write-report"}
# With a network of the sandbox's own: test_private_network.py.
WITH_NETWORK = {"start-network", "join-network", "load-rules"}
ON_A_TERMINAL = {"open-terminal"}
NOT_OF_A_RUN = {"serve-metrics"}
# Of other commands than run.
ELSEWHERE = {"find-sandbox", "control", "join-cgroup", "join-namespaces"}


def arguments(caller, step):
    tree = caller.work / "tree"
    if not tree.exists():
        caller.write(caller.make_directory("work/tree") / "file", "x")
    return [option.format(tree=tree) for option in OPTIONS.get(step, [])]


@pytest.mark.new_kernel  # the filter that stands in for an old one keeps newuidmap from its privilege
def test_wait_gate(user):
    """A caller that can write its own id maps waits for none; with subordinate ids a helper writes them."""
    outcome = user.run("--set", "identity.subids=true", "--", "echo", "started", program=user.programs.faulty,
                       env={"SBX_FAULT": "wait-gate"})
    check(outcome, "wait-gate", "started" in outcome.out)


def check(outcome, step, started):
    line = outcome.error()
    assert outcome.status == (126 if step == "exec" else 125), outcome
    assert f"[{step}]" in line and "nput/output error" in line, outcome
    if step not in AFTER_START:
        assert not started, outcome


@pytest.mark.parametrize("step", [step for step in harness.step_names() if step not in WITH_MANAGER | WITH_NETWORK | NOT_OF_A_RUN | ON_A_TERMINAL | ELSEWHERE | {"wait-gate"}])
def test_fault_stops_the_launch(caller, step):
    options = arguments(caller, step)
    tree = caller.work / "tree"
    before = sorted(os.listdir(tree))
    outcome = caller.run(*options, "--", "echo", "started", program=caller.programs.faulty,
                         env={"SBX_FAULT": step, "NOTIFY_SOCKET": "/nowhere"})
    check(outcome, step, "started" in outcome.out)
    assert [name for name in sorted(os.listdir(tree)) if name != "report"] == before


@pytest.mark.parametrize("step", sorted(ON_A_TERMINAL))
def test_fault_on_a_terminal(caller, terminal, step):
    words = [caller.programs.faulty, "run", "--profile", "plain", "--set", "systemd.scope=none", "--", "echo", "started"]
    line = terminal(caller, words, env={"SBX_FAULT": step})
    assert line.wait() == 125
    text = line.output.decode()
    assert f"[{step}]" in text and "started" not in text, text
    assert line.settings() == line.before


@pytest.mark.parametrize("step", sorted(WITH_MANAGER))
def test_fault_of_the_service_manager_where_there_is_none(caller, step):
    """Without a manager the step isn't reached, or fails: a scope that is required stops the launch either way."""
    outcome = caller.run("--set", "systemd.scope=require", "--", "echo", "started", scope=True,
                         program=caller.programs.faulty, env={"SBX_FAULT": step})
    assert outcome.status == 125 and "started" not in outcome.out, outcome
    assert len(outcome.err.splitlines()) == 1


def test_without_a_fault_the_faulty_program_works(caller):
    outcome = caller.run("--", "echo", "started", program=caller.programs.faulty)
    assert outcome.status == 0 and outcome.out == "started\n"


def test_installed_program_knows_no_faults(user):
    outcome = user.run("--", "echo", "started", env={"SBX_FAULT": "exec"})
    assert outcome.status == 0 and outcome.out == "started\n"
    strings = subprocess.run(["grep", "-c", "SBX_FAULT", user.programs.sbx], capture_output=True, timeout=20)
    assert strings.stdout.strip() == b"0"
