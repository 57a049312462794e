"""On a terminal the payload has a terminal of its own with job control; the caller's comes back as it was."""

import os
import re
import signal
import time

import pytest

import harness


def run(caller, *words, options=()):
    return [caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", *options, "--", *words]


def test_payload_has_a_terminal_of_its_own(caller, terminal):
    line = terminal(caller, run(caller, "sh", "-c", "tty; ls /dev/pts; test -r /dev/tty && echo controlled"))
    assert line.wait() == 0
    text = line.output.decode()
    assert "/dev/pts/0" in text and "controlled" in text, text


def test_callers_terminal_is_out_of_reach(caller, terminal):
    options = ["--ro", caller.programs.probe]
    line = terminal(caller, run(caller, caller.programs.probe, options=options))
    assert line.wait() == 0
    outer = os.ttyname(line.slave)
    text = line.output.decode()
    assert f'"0":"{outer}"' not in text or outer == "/dev/pts/0"
    assert '"isatty":[1,1,1]' in text and '"controlling_terminal":1' in text and '"foreground":1' in text


def test_window_size_passes_and_follows(caller, terminal):
    line = terminal(caller, run(caller, "sh", "-c", "trap 'stty size; exit 0' WINCH; stty size; while :; do sleep 0.05; done"),
                    rows=41, columns=133)
    line.expect("41 133")
    line.resize(50, 99)
    line.expect("50 99")
    assert line.wait() == 0


def test_control_c_interrupts_the_payload_alone(caller, terminal):
    line = terminal(caller, run(caller, "sh", "-c", "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done"))
    line.expect("ready")
    line.type("\x03")
    line.expect("caught")
    assert line.wait() == 7


def test_control_c_ends_a_plain_payload(caller, terminal):
    line = terminal(caller, run(caller, "sh", "-c", "echo ready; exec sleep 60"))
    line.expect("ready")
    line.type("\x03")
    assert line.wait() == 130
    assert line.settings() == line.before


def test_control_backslash_quits(user, terminal):
    line = terminal(user, run(user, "sh", "-c", "ulimit -c 0; echo ready; exec sleep 60"))
    line.expect("ready")
    line.type("\x1c")
    assert line.wait() == 131


def test_control_d_ends_the_input(user, terminal):
    line = terminal(user, run(user, "sh", "-c", "echo ready; cat; echo over"))
    line.expect("ready")
    line.type("text\n\x04")
    line.expect("over")
    assert line.wait() == 0


@pytest.mark.parametrize("ending", ["stty raw -echo; exit 0", "stty raw -echo; kill -KILL $$", "stty raw -echo; exit 9"])
def test_terminal_is_restored(caller, terminal, ending):
    line = terminal(caller, run(caller, "sh", "-c", ending))
    line.wait()
    assert line.settings() == line.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_terminal_is_restored_when_sbx_is_told_to_end(user, terminal, number):
    line = terminal(user, run(user, "sh", "-c", "echo ready; exec sleep 60"))
    line.expect("ready")
    line.process.send_signal(number)
    assert line.wait() == 128 + number
    assert line.settings() == line.before


def test_terminal_is_restored_when_the_launch_fails(user, terminal):
    line = terminal(user, run(user, "/nonexistent/command"))
    assert line.wait() == 127
    assert line.settings() == line.before
    assert b"/nonexistent/command" in line.output


def test_terminal_is_restored_when_init_is_killed(user, terminal):
    line = terminal(user, run(user, "sh", "-c", "echo ready; exec sleep 60"))
    line.expect("ready")
    below = harness.descendants(line.process.pid)
    init = min(below)
    os.kill(init, signal.SIGKILL)
    assert line.wait() != 0
    assert line.settings() == line.before


def stopped(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


def test_control_z_stops_sbx_and_fg_goes_on(user, terminal):
    """A shell inside would take Ctrl-Z for its own jobs; a plain payload stops, and sbx with it, as if it were the job."""
    line = terminal(user, ["bash", "--norc", "--noprofile", "-i"], env={"PS1": "prompt> "})
    line.expect("prompt> ")
    words = " ".join(str(word) for word in run(user, "sh", "-c", "'echo ready; read answer; echo got:$answer'"))
    line.type(words + "\n")
    line.expect("ready\r\n")
    line.type("\x1a")
    line.expect("Stopped")
    line.expect("prompt> ")
    line.type("stty -a | tr ';' '\\n' | grep -w icanon\n")
    line.expect(r"[^-]icanon")
    line.expect("prompt> ")
    line.type("fg\n")
    line.expect("fg")
    line.type("hello\n")
    line.expect("got:hello")
    line.expect("prompt> ")
    line.type("exit\n")
    line.wait()


def test_job_control_inside(user, terminal):
    line = terminal(user, run(user, "bash", "--norc", "--noprofile", "-i", options=["-e", "PS1=inside> "]))
    line.expect("inside> ")
    assert b"no job control" not in line.output
    line.type("sleep 60\n")
    line.expect("sleep 60\r\n")
    time.sleep(0.3)
    line.type("\x1a")
    line.expect("Stopped")
    line.type("kill -9 %1\n")
    line.expect("inside> ")
    line.type("sleep 0.1\n")
    line.expect("Killed")
    line.type("exit 5\n")
    assert line.wait() == 5


def test_stopped_sbx_can_be_killed(user, terminal):
    line = terminal(user, run(user, "sh", "-c", "echo ready; exec sleep 60"))
    line.expect("ready")
    line.process.send_signal(signal.SIGSTOP)
    harness.wait_for(lambda: stopped(line.process.pid))
    line.process.kill()
    line.process.wait(10)


def test_large_output_arrives_whole(user, terminal):
    line = terminal(user, run(user, "sh", "-c", "seq 1 20000; echo END"))
    while b"END" not in line.output and len(line.output) < 1 << 20 and line.process.poll() is None:
        line.read(1)
    line.wait()
    while True:
        before = len(line.output)
        line.read(0.2)
        if len(line.output) == before:
            break
    assert [int(word) for word in re.findall(rb"^(\d+)\r?$", line.output, re.MULTILINE)] == list(range(1, 20001))


def test_output_into_a_pipe_stays_plain(user, terminal):
    """Standard output that is no terminal stays byte-exact although the others are one."""
    target = user.write("out", "")
    words = " ".join(str(word) for word in run(user, "sh", "-c", '"printf \'a\\nb\\n\'"'))
    line = terminal(user, ["sh", "-c", f"{words} > {target}"])
    assert line.wait() == 0
    assert target.read_bytes() == b"a\nb\n"


def test_tty_is_required_where_asked_for(user):
    outcome = user.run("-t", "--", "true")
    assert outcome.status == 125 and "terminal" in outcome.error(), outcome

