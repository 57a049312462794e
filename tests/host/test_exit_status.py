"""The exit status is the payload's own; 125, 126 and 127 are sbx's; a status fd tells for sure."""

import json
import os
import signal

import pytest


@pytest.mark.parametrize("status", [0, 1, 42, 124, 125, 126, 127, 200, 255])
def test_payloads_own_status(user, status):
    assert user.shell(f"exit {status}").status == status


def test_payloads_own_status_for_every_caller(caller):
    outcome = caller.shell("exit 42")
    assert outcome.status == 42 and outcome.err == "", outcome


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "ABRT", "HUP", "PIPE", "USR1", "BUS"])
def test_signal_is_told(user, name):
    assert user.shell(f"kill -{name} $$").status == 128 + getattr(signal, f"SIG{name}")


def test_real_time_signal_is_told(user):
    assert user.shell("kill -40 $$").status == 168


def test_absent_command_is_127(caller):
    for command in ("/nonexistent/command", "no-such-command-anywhere", "./absent"):
        outcome = caller.run("--", command)
        assert outcome.status == 127 and command in outcome.error(), outcome


def test_command_that_is_not_executable_is_126(caller):
    plain = caller.write("plain", "data")
    for command in (plain, "/etc", "/etc/passwd"):
        outcome = caller.run("--ro", plain, "--", command)
        assert outcome.status == 126 and str(command) in outcome.error(), outcome


def test_absent_interpreter_is_told(user):
    script = user.write("script", "#!/nonexistent/interpreter\n", 0o755)
    outcome = user.run("--ro", script, "--", script)
    assert outcome.status in (126, 127) and str(script) in outcome.error(), outcome


def test_script_without_interpreter_line_is_refused_in_words(user):
    script = user.write("script", "echo hello\n", 0o755)
    outcome = user.run("--ro", script, "--", script)
    assert outcome.status == 126 and str(script) in outcome.error(), outcome


def test_own_failure_is_125(caller):
    outcome = caller.run("--ro", "/nonexistent/source", "--", "true")
    assert outcome.status == 125 and "/nonexistent/source" in outcome.error(), outcome
    outcome = caller.sbx("run", "--no-such-option", "--", "true")
    assert outcome.status == 125 and "--no-such-option" in outcome.error(), outcome


def status_lines(user, *words):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    outcome = user.run("--status-fd", str(writer), "--", *words, pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader) as stream:
        return outcome, [json.loads(line) for line in stream]


def test_status_fd_tells_whose_status_it_is(user):
    outcome, lines = status_lines(user, "sh", "-c", "exit 125")
    merged = {key: value for line in lines for key, value in line.items()}
    assert outcome.status == 125 and merged["exit-code"] == 125 and merged["pid"] > 0, lines
    outcome, lines = status_lines(user, "/nonexistent/command")
    merged = {key: value for line in lines for key, value in line.items()}
    assert outcome.status == 127 and "exit-code" not in merged, lines


def test_status_fd_is_not_inherited(user):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    seen = user.probe("--status-fd", str(writer), pass_fds=[writer])
    os.close(writer), os.close(reader)
    assert sorted(seen["fds"]) == ["0", "1", "2"]
