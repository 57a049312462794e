"""Without a terminal the payload has the caller's own pipes and files: every byte, order and end as without sbx."""

import json
import os
import random
import subprocess
import time

import pytest

BYTES = random.Random(7).randbytes(8 << 20)


def test_eight_mebibytes_through(caller):
    outcome = caller.run("--", "cat", input=BYTES)
    assert outcome.status == 0 and outcome.stdout == BYTES and outcome.stderr == b""


def test_output_and_errors_stay_apart(caller):
    outcome = caller.shell("printf 'a\\000b\\377'; printf 'c\\r\\n' >&2; printf d")
    assert outcome.stdout == b"a\0b\xffd" and outcome.stderr == b"c\r\n"


def test_no_terminal_is_made(caller):
    seen = caller.probe()
    assert seen["isatty"] == [0, 0, 0] and seen["controlling_terminal"] == 0


def test_same_files_not_copies(user):
    """The payload writes into the caller's file itself, appending where the caller's descriptor appends."""
    target = user.write("log", "first\n")
    with open(target, "ab") as stream:
        process = user.start([user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--",
                              "sh", "-c", "echo second; echo third >&2"], stdout=stream, stderr=stream)
        assert process.wait(15) == 0
    assert target.read_text() == "first\nsecond\nthird\n"


def test_closed_output_is_seen_at_once(user):
    """The payload has closed its output and lives on: a reader isn't kept waiting by sbx's own copy of the pipe."""
    process = user.start([user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--",
                          "sh", "-c", "echo last; exec >&- <&-; exec sleep 60"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.read() == b"last\n"
    assert process.poll() is None
    with pytest.raises(BrokenPipeError):
        for _ in range(100):
            os.write(process.stdin.fileno(), b"x")
            time.sleep(0.05)
    process.terminate()
    process.wait(15)


def test_report_to_standard_output_comes_after_the_payload_s_own(user):
    outcome = user.run("--report=json:fd:1", "--", "sh", "-c", "echo of the payload")
    first, report = outcome.out.split("\n", 1)
    assert outcome.status == 0 and first == "of the payload" and json.loads(report), outcome


def test_closed_reader_is_felt(user):
    process = user.start([user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--",
                          "sh", "-c", "trap - PIPE; yes"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.read(10) == b"y\ny\ny\ny\ny\n"
    process.stdout.close()
    assert process.wait(15) in (141, -13)


def test_end_of_input_is_passed_on(caller):
    assert caller.run("--", "cat", input=b"").stdout == b""
    assert caller.shell("cat; echo over", input=b"x").stdout == b"xover\n"


def test_input_that_is_not_read_stays(user):
    """What the payload leaves in the pipe is left for the caller's next command."""
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo\n")
    os.close(writer)
    try:
        outcome = user.shell("head -c 4", stdin=reader)
        assert outcome.stdout == b"one\n" and os.read(reader, 10) == b"two\n"
    finally:
        os.close(reader)


def test_long_pipeline_of_sandboxes(user):
    words = f"{user.programs.sbx} run --profile plain --set systemd.scope=none --"
    outcome = user.execute(["sh", "-c", f"seq 1 50000 | {words} cat | {words} tac | {words} tail -n 1"])
    assert outcome.status == 0 and outcome.out == "1\n", outcome


def test_arguments_arrive_as_they_were(caller):
    odd = ["", " ", "a b", "'\"$x`", "\n", "\u00e9", "--help", "-x", "*"]
    seen = caller.execute([caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--ro",
                           caller.programs.probe, "--", caller.programs.probe, "--", *odd]).json()
    assert seen["arguments"][2:] == [word.encode().decode("latin-1") for word in odd]


def test_long_command_line(user):
    outcome = user.run("--", "sh", "-c", "echo ${#1}", "sh", "x" * 120000)
    assert outcome.out == "120000\n", outcome
