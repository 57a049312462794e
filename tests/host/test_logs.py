"""`sbx logs`: asks journalctl for one sandbox' entries alone, by name or id, running or ended. tests/vm asks the real one."""

import json

import pytest

import harness

pytestmark = pytest.mark.new_kernel  # a running sandbox is found by pidfd_open


@pytest.fixture
def logs(user):
    tools = user.make_directory("tools")
    user.write(tools / "journalctl", '#!/bin/sh\nfor word; do echo "$word"; done\n', 0o755)

    def ask(*words):
        return user.sbx("logs", *words, env={"PATH": f"{tools}:{harness.PATH}"})

    user.logs = ask
    return user


def options_of(outcome):
    assert outcome.status == 0, outcome
    words = outcome.out.splitlines()
    return {word for word in words if word.startswith("--")}, " ".join(word for word in words if not word.startswith("--"))


def test_an_ended_one(logs):
    logs.run("--name", "job", "--", "true")
    logs.run("--name", "job", "--", "true")
    entries = [json.loads(line) for line in (logs.registry / "ended.jsonl").read_text().splitlines()]
    options, matches = options_of(logs.logs("job"))
    last = entries[-1]
    uid = f"_UID={logs.uid}"
    assert matches == f"{uid} SBX_ID={last['id']} + {uid} SYSLOG_IDENTIFIER=sbx-job"
    # Names come again: each sandbox has its own time.
    assert f"--since=@{(last['started_us'] - 1000000) // 1000000}" in options
    assert f"--until=@{(last['ended_us'] + 3000000) // 1000000}" in options
    assert f"SBX_ID={entries[0]['id']}" in options_of(logs.logs(entries[0]["id"]))[1]
    assert f"SBX_ID={entries[0]['id']}" in options_of(logs.logs(entries[0]["id"][:5]))[1]


def test_a_running_one(logs):
    logs.start([logs.programs.sbx, "run", "-p", "plain", "--set", "systemd.scope=none", "--name", "runs", "--", "sleep", "60"])
    harness.wait_for(lambda: logs.logs("runs").status == 0, what="the sandbox")
    options, matches = options_of(logs.logs("-f", "-n", "20", "--json", "runs"))
    assert {"--follow", "--lines=20", "--output=json"} <= options and not any(word.startswith("--until") for word in options)
    assert "SYSLOG_IDENTIFIER=sbx-runs" in matches
    assert "--since=yesterday" in options_of(logs.logs("--since", "yesterday", "runs"))[0]


def test_mistakes(logs):
    logs.run("--name", "job", "--", "true")
    assert "absent" in logs.logs("absent").error()
    assert "not a number" in logs.logs("-n", "many", "job").error()
    assert "name one sandbox" in logs.logs().error()
    outcome = logs.sbx("logs", "job", outer=["env", f"PATH={logs.work}"])
    assert outcome.status == 125 and "install systemd" in outcome.error()
    # What would be an option of journalctl's is a name that no sandbox has.
    assert logs.logs("--", "--file=/etc/passwd").status == 125
