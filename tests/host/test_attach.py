"""sbx run -dt and sbx attach: a terminal in the background, taken up and left again."""

import json
import os
import signal
import socket
import struct
import time

import pytest

import harness

pytestmark = pytest.mark.new_kernel  # a running sandbox is found by pidfd_open


@pytest.fixture
def background(user):
    """background(script): a sandbox in the background, named box, with a terminal; ended after the test."""

    def start(script, *options):
        outcome = user.run("-dt", "--name", "box", *options, "--", "sh", "-c", script)
        assert outcome.status == 0, outcome
        return outcome.out.strip()

    yield start
    for path in user.registry.glob("????????.json"):
        try:
            os.kill(json.loads(path.read_text())["launcher"], signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
    harness.wait_for(lambda: not list(user.registry.glob("????????.*")), what="an empty registry")


def attach(user, terminal, *options, **more):
    return terminal(user, [user.programs.sbx, "attach", *options, "box"], **more)


SHELL = "stty -echo; echo begin; while read line; do echo \"got $line\"; test \"$line\" = over && exit 7; done"


def test_last_screen_input_and_status(user, terminal, background):
    background(SHELL)
    line = attach(user, terminal)
    line.expect("begin")
    line.type("one\n")
    line.expect("got one")
    line.type("over\n")
    line.expect("got over")
    assert line.wait() == 7
    assert line.settings() == line.before


def test_leaving_and_taking_up_again(user, terminal, background):
    background(SHELL)
    first = attach(user, terminal)
    first.expect("begin")
    first.type("one\n")
    first.expect("got one")
    first.type("\x10\x11")
    assert first.wait() == 0 and first.settings() == first.before
    second = attach(user, terminal)
    second.expect("begin")
    second.expect("got one")
    second.type("over\n")
    assert second.wait() == 7


def test_keys_that_are_not_the_detach_keys_pass(user, terminal, background):
    background("stty raw -echo; echo ready; dd bs=1 count=4 2>/dev/null | od -An -tx1; sleep 60")
    line = attach(user, terminal)
    line.expect("ready")
    line.type("\x10")
    time.sleep(0.2)
    line.type("a\x10b")
    line.expect("10 61 10 62")


def test_other_detach_keys(user, terminal, background):
    background(SHELL)
    line = attach(user, terminal, "--detach-keys", "ctrl-a,d")
    line.expect("begin")
    line.type("\x01d")
    assert line.wait() == 0
    assert user.sbx("attach", "--detach-keys", "hyper-x", "box").status == 125


def test_interrupt_key_and_job_control_reach_the_command(user, terminal, background):
    background("trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done")
    line = attach(user, terminal)
    line.expect("ready")
    line.type("\x03")
    line.expect("caught")
    assert line.wait() == 9


def test_size_follows(user, terminal, background):
    background("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done")
    line = attach(user, terminal, rows=31, columns=97)
    line.expect("31 97")
    line.resize(50, 99)
    line.expect("50 99")


def test_the_end_of_a_client_is_not_the_sandboxs(user, terminal, background):
    background(SHELL)
    line = attach(user, terminal)
    line.expect("begin")
    line.process.kill()
    line.process.wait(10)
    other = attach(user, terminal)
    other.expect("begin")
    os.kill(other.process.pid, signal.SIGHUP)
    assert other.wait() == 129
    last = attach(user, terminal)
    last.expect("begin")
    last.type("over\n")
    assert last.wait() == 7


def test_signals_are_passed_on_or_not(user, terminal, background):
    background("trap 'echo heard' USR1; trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done")
    line = attach(user, terminal)
    line.expect("ready")
    os.kill(line.process.pid, signal.SIGUSR1)
    line.expect("heard")
    other = attach(user, terminal, "--sig-proxy", "false")
    other.expect("heard")
    os.kill(other.process.pid, signal.SIGTERM)
    assert other.wait() == 143
    os.kill(line.process.pid, signal.SIGTERM)
    assert line.wait() == 4


def test_several_see_the_same_and_are_bounded(user, terminal, background):
    background(SHELL)
    lines = [attach(user, terminal) for _ in range(8)]
    for line in lines:
        line.expect("begin")
    ninth = user.sbx("attach", "--no-stdin", "box")
    assert ninth.status == 125 and "let go" in ninth.error(), ninth
    lines[0].type("one\n")
    for line in lines:
        line.expect("got one")


def test_a_client_that_does_not_read_holds_nobody_up(user, background):
    """Its socket is full soon; the payload writes on, and in the end the client is let go."""
    identity = background("i=0; while test $i -lt 40000; do echo 'a line of some length, over and over and over again'; i=$((i+1)); done; echo done > /tmp/done; sleep 60")
    slow = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    slow.connect(str(user.registry / f"{identity}.attach"))
    harness.wait_for(lambda: user.sbx("exec", "box", "--", "test", "-e", "/tmp/done").status == 0, timeout=30, what="the payload's end of writing")
    slow.close()


def test_what_is_no_message_ends_the_client_alone(user, terminal, background):
    identity = background(SHELL)
    for message in (b"x", b"w", b"w123", b"s", b"s\xff", b"s\x00", b"\x00" * 16384, b"w" + struct.pack("HH", 0, 0)):
        hostile = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        hostile.connect(str(user.registry / f"{identity}.attach"))
        hostile.send(message)
        hostile.close()
    line = attach(user, terminal)
    line.expect("begin")
    line.type("over\n")
    assert line.wait() == 7


def test_the_socket_is_the_users_alone(user, background):
    identity = background(SHELL)
    path = user.registry / f"{identity}.attach"
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_uid == user.uid


def test_a_sandbox_without_such_a_terminal(user):
    process = user.start([user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--name", "plain", "--", "sleep", "60"])
    harness.wait_for(lambda: any(user.registry.glob("????????.json")), what="the entry")
    outcome = user.sbx("attach", "plain")
    assert outcome.status == 125 and "run -d -t" in outcome.error() and "exec -t" in outcome.error(), outcome
    process.terminate()
    process.wait(10)


def test_pipes_instead_of_a_terminal(user, background):
    background(SHELL)
    outcome = user.sbx("attach", "box", input=b"one\nover\n")
    assert outcome.status == 7 and "got one" in outcome.out, outcome
