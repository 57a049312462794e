"""As a service's main process: notifications are relayed from the sandbox's own processes alone, descriptors and
credentials are handed on, and sbx ends as its payload does. The manager is played by the test."""

import array
import os
import select
import signal
import socket
import struct
import subprocess
import time

import pytest

import harness

# What a manager sets, with the pid that sbx will have.
MAIN = ("sh", "-c", 'export SYSTEMD_EXEC_PID=$$ WATCHDOG_PID=$$ LISTEN_PID=$$; exec "$@"', "sh")
SPEAK = """
import array, os, socket, sys, time
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"])
def tell(text, *fds):
    manager.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
"""


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, caller):
        self.path = caller.directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        caller.own(self.path)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def next(self, seconds=10):
        """(text, sender's pid, descriptors) of the next message; None where none comes."""
        if not select.select([self.socket], [], [], seconds * harness.SLOWNESS)[0]:
            return None
        text, control, _, _ = self.socket.recvmsg(8192, 4096)
        pid, fds = None, []
        for _, kind, data in control:
            if kind == socket.SCM_RIGHTS:
                fds += array.array("i", data[:len(data) // 4 * 4]).tolist()
            elif kind == socket.SCM_CREDENTIALS:
                pid = struct.unpack("3i", data)[0]
        return text.decode(), pid, fds

    def texts(self, seconds=0.5):
        found = []
        while (message := self.next(seconds)) is not None:
            found.append(message[0])
        return found


@pytest.fixture
def manager(user):
    made = Manager(user)
    yield made
    made.socket.close()


def start(caller, manager, script, *options, env=None, outer=MAIN, words=None, **more):
    command = [caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", *options, "--",
               *(words or ["python3", "-c", SPEAK + script])]
    environment = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "3000000", **(env or {})}
    return caller.start(command, env=environment, outer=outer, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def end(process, seconds=20):
    out, err = process.communicate(timeout=seconds * harness.SLOWNESS)
    return process.returncode, out.decode(), err.decode()


def test_messages_arrive_in_sbx_name(caller):
    manager = Manager(caller)
    process = start(caller, manager, """
tell("READY=1\\nSTATUS=serving")
tell("WATCHDOG=1")
tell("RELOADING=1\\nMONOTONIC_USEC=%d" % (time.monotonic_ns() // 1000))
tell("STOPPING=1")
time.sleep(1)
""")
    ready, ping, reloading, stopping = (manager.next() for _ in range(4))
    assert end(process)[0] == 0
    if caller.kind != "unshare":  # there the kernel shows this process no pid that it could compare
        assert {message[1] for message in (ready, ping, reloading, stopping)} == {process.pid}
    assert ready[0] == "READY=1\nSTATUS=serving" and ping[0] == "WATCHDOG=1" and stopping[0] == "STOPPING=1"
    assert reloading[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
    manager.socket.close()


def test_the_payload_gets_what_is_its_own(user, manager):
    process = start(user, manager, 'print(os.getpid(), *(os.environ.get(name) for name in '
                                   '("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "SYSTEMD_EXEC_PID", "LISTEN_PID")))')
    status, out, err = end(process)
    assert status == 0, err
    assert out.split() == ["2", "/run/sbx/notify", "3000000", "2", "None", "None"]


def test_the_socket_cannot_be_replaced(user, manager):
    status, _, err = end(start(user, manager, "", words=["sh", "-c", "rm -f /run/sbx/notify; touch /run/sbx/x"]))
    assert status != 0 and err.count("Read-only file system") == 2, err


def test_mainpid_is_rewritten(user, manager):
    process = start(user, manager, """
tell("MAINPID=%d" % os.getpid())
child = os.fork()
if child == 0:
    time.sleep(2)
    os._exit(0)
tell("READY=1\\nMAINPID=%d" % child)
os.wait()
""")
    assert manager.next()[0] == f"MAINPID={process.pid}"
    assert manager.next()[0] == f"READY=1\nMAINPID={process.pid}"
    assert end(process)[0] == 0


@pytest.mark.parametrize("pid", [1 << 22, 4711, "of sbx", "of the manager"])
def test_a_forged_mainpid_is_refused(user, manager, pid):
    script = 'tell("READY=1\\nMAINPID=" + os.environ["FORGED"]); tell("STATUS=after"); time.sleep(1)'
    named = {"of sbx": "$$", "of the manager": str(os.getpid())}.get(pid, str(pid))
    outer = ("sh", "-c", f'export SYSTEMD_EXEC_PID=$$ FORGED={named}; exec "$@"', "sh")
    process = start(user, manager, script, "-e", "FORGED", outer=outer)
    assert manager.next()[0] == "STATUS=after"
    status, _, err = end(process)
    assert status == 0 and "MAINPID is no process of the sandbox" in err, err


def test_an_outsider_is_refused(user, manager):
    """Another process of the same user finds the way to the socket through /proc, and isn't heard; one inside is."""
    process = start(user, manager, 'tell("READY=1"); print("up", flush=True); time.sleep(8)')
    assert manager.next()[0] == "READY=1" and process.stdout.readline() == b"up\n"
    inside = next(pid for pid in harness.descendants(process.pid) if b"time.sleep(8)" in open(f"/proc/{pid}/cmdline", "rb").read())
    path = f"/proc/{inside}/root/run/sbx/notify"
    sent = user.execute(["python3", "-c", f"""
import socket, time
outside = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
outside.connect({path!r})
outside.send(b"STOPPING=1")
print("sent", flush=True)
time.sleep(2)
"""])
    assert sent.out == "sent\n", sent  # the positive control: the socket was reached
    assert manager.next(1) is None
    process.terminate()
    assert "isn't of the sandbox" in end(process)[2]


def test_another_sandbox_has_no_such_socket(user, manager):
    process = start(user, manager, 'tell("READY=1"); time.sleep(8)')
    assert manager.next()[0] == "READY=1"
    other = user.run("--", "ls", "/run/sbx/notify")
    assert other.status != 0, other
    process.terminate()
    end(process)


def test_a_descendant_may_speak(user, manager):
    process = start(user, manager, 'import subprocess; subprocess.run([sys.executable, "-c", "import os, socket, time; '
                                   's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(\'/run/sbx/notify\'); '
                                   's.send(b\'READY=1\'); time.sleep(1)"])')
    assert manager.next()[0] == "READY=1" and end(process)[0] == 0


def test_a_flood_is_slowed_and_the_end_still_comes(user, manager):
    process = start(user, manager, """
tell("READY=1")
signal = __import__("signal")
while True: tell("STATUS=" + "x" * 3000)
""")
    assert manager.next()[0] == "READY=1"
    until, count = time.monotonic() + 3, 0
    while time.monotonic() < until:
        count += manager.next(0.1) is not None
    assert 20 < count < 250, count
    times = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()
    assert int(times[11]) + int(times[12]) < 100, times  # a second of CPU time would be all of it
    begin = time.monotonic()
    process.terminate()
    end(process)
    assert time.monotonic() - begin < 5 * harness.SLOWNESS


def test_a_manager_that_does_not_read_loses_nothing(user, manager):
    process = start(user, manager, 'for i in range(30): tell(f"STATUS={i}")\ntime.sleep(3)')
    time.sleep(1.5)
    assert manager.texts(1) == [f"STATUS={i}" for i in range(30)]
    process.terminate()
    end(process)


@pytest.mark.parametrize("text", ["READY=2", "x" * 5000, "BARRIER=1", "FDNAME=a:b\\nFDSTORE=1", "WATCHDOG_USEC=-1", "READY=1\\0EXIT_STATUS=1"],
                         ids=["value", "length", "barrier", "name", "number", "zero"])
def test_malformed_messages_are_refused(user, manager, text):
    status, _, err = end(start(user, manager, f'tell("{text}"); tell("READY=1"); time.sleep(0.5)'))
    assert status == 0 and manager.texts() == ["READY=1"] and "isn't passed" in err, err


def test_descriptors_reach_the_store(user, manager):
    process = start(user, manager, """
kept = os.memfd_create("kept")
os.write(kept, b"held")
pair = socket.socketpair()
tell("FDSTORE=1\\nFDNAME=state", kept, pair[0].fileno())
tell("READY=1", kept)  # no store: the descriptor stays here
tell("FDSTOREREMOVE=1\\nFDNAME=state")
time.sleep(1)
""")
    text, _, fds = manager.next()
    assert text == "FDSTORE=1\nFDNAME=state" and len(fds) == 2 and os.pread(fds[0], 9, 0) == b"held"
    assert manager.next()[::2] == ("READY=1", [])
    assert manager.next()[::2] == ("FDSTOREREMOVE=1\nFDNAME=state", [])
    for fd in fds:
        os.close(fd)
    assert end(process)[0] == 0


@pytest.mark.parametrize("what", ['os.open("/", os.O_RDONLY)', 'os.open("/etc/passwd", os.O_PATH)', 'os.open("/dev/null", os.O_RDWR)'])
def test_what_leads_elsewhere_is_not_stored(user, manager, what):
    status, _, err = end(start(user, manager, f'tell("FDSTORE=1", {what}); tell("READY=1"); time.sleep(0.5)'))
    assert status == 0 and manager.texts() == ["READY=1"] and "FDSTORE takes" in err, err


def test_a_barrier_ends_when_the_manager_has_seen_it(user, manager):
    process = start(user, manager, """
here, there = os.pipe()
tell("STATUS=before")
tell("BARRIER=1", there)
os.close(there)
import select
poll = select.poll()
poll.register(here, 0)
print("early", poll.poll(700) != [], flush=True)
print("late", poll.poll(8000) != [], flush=True)
""")
    assert manager.next()[0] == "STATUS=before"
    text, _, fds = manager.next()
    assert text == "BARRIER=1" and len(fds) == 1
    assert process.stdout.readline() == b"early False\n"
    os.close(fds[0])
    assert process.stdout.readline() == b"late True\n"
    end(process)


def test_no_relay_for_what_is_no_main_process(user, manager):
    """NOTIFY_SOCKET that a shell inherited is its service's, and not for everything that is run from that shell."""
    process = start(user, manager, "", outer=(), words=["sh", "-c", "echo ${NOTIFY_SOCKET-none}; ls -d /run/sbx"])
    status, out, _ = end(process)
    assert out == "none\n" and status != 0 and manager.texts() == []


def test_sdnotify_modes(user, manager):
    asked = start(user, manager, 'tell("READY=1"); time.sleep(0.5)', "--sdnotify", "container", outer=())
    assert manager.next()[0] == "READY=1" and end(asked)[0] == 0
    own = start(user, manager, "", "--sdnotify=conmon", words=["sh", "-c", "echo ${NOTIFY_SOCKET-none}; sleep 0.5"])
    assert manager.next()[:2] == ("READY=1", own.pid) and end(own)[1] == "none\n"
    ignored = start(user, manager, "", "--sdnotify=ignore", words=["sh", "-c", "echo ${NOTIFY_SOCKET-none}"])
    assert end(ignored)[1] == "none\n" and manager.texts() == []


def test_a_relay_needs_a_mount_namespace(user, manager):
    process = start(user, manager, "", "--set", "namespaces.mount=false", "--set", "filesystem.root=host", "--set",
                    "filesystem.home=host", words=["true"])
    status, _, err = end(process)
    assert status == 125 and "mount namespace" in err and "--sdnotify ignore" in err, err


LISTENER = ("python3", "-c", """
import os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(sys.argv[1] + "/served")
server.listen()
os.dup2(server.fileno(), 3)
os.dup2(os.open("/etc/hostname", os.O_RDONLY), 4)
for fd in (3, 4):
    os.set_inheritable(fd, True)
os.environ.update(SYSTEMD_EXEC_PID=str(os.getpid()), LISTEN_PID=str(os.getpid() + int(sys.argv[2])), LISTEN_FDS="2",
                  LISTEN_FDNAMES="web:file")
os.execvp(sys.argv[3], sys.argv[3:])
""")
ANSWER = """
import os, socket
print(os.environ["LISTEN_PID"], os.getpid(), os.environ["LISTEN_FDS"], os.environ["LISTEN_FDNAMES"], flush=True)
connection, _ = socket.socket(fileno=3).accept()
connection.send(os.pread(4, 99, 0))
connection.close()
import time; time.sleep(3)
"""


def activated(user, script, offset=0):
    return user.start([user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--", "python3", "-c", script],
                      outer=(*LISTENER, str(user.work), str(offset)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_sockets_are_handed_on(user):
    process = activated(user, ANSWER)
    line = process.stdout.readline()
    assert line == b"2 2 2 web:file\n", (line, process.stderr.read())
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10)
    client.connect(str(user.work / "served"))
    received = client.recv(99)
    # Closed by the payload is closed, though that and sbx live on.
    assert received == open("/etc/hostname", "rb").read() and client.recv(1) == b"" and process.poll() is None
    process.terminate()
    end(process)


def test_what_another_process_was_handed_is_closed(user):
    process = activated(user, "import os; print(os.listdir('/proc/self/fd'), os.environ.get('LISTEN_FDS'))", 1)
    _, out, err = end(process)
    assert "'4'" not in out  # listing them takes 3 and out.rstrip().endswith("None"), (out, err)


def test_a_promised_descriptor_that_is_closed_is_an_error(user, manager):
    status, _, err = end(start(user, manager, "", env={"LISTEN_FDS": "4"}, words=["true"]))
    assert status == 125 and "LISTEN_FDS promises" in err, err


def test_credentials_are_there_and_read_only(user, manager):
    directory = user.make_directory("credentials", 0o700)
    user.write(directory / "token", "secret")
    process = start(user, manager, "", env={"CREDENTIALS_DIRECTORY": str(directory)},
                    words=["sh", "-c", 'cat "$CREDENTIALS_DIRECTORY/token"; echo x > "$CREDENTIALS_DIRECTORY/token"'])
    status, out, err = end(process)
    assert out == "secret" and status != 0 and "Read-only" in err, (out, err)
    other = start(user, manager, "", env={"CREDENTIALS_DIRECTORY": str(directory)}, outer=(),
                  words=["sh", "-c", f'echo ${{CREDENTIALS_DIRECTORY-none}}; cat {directory}/token'])
    status, out, _ = end(other)
    assert out == "none\n" and status != 0


@pytest.mark.parametrize("name", ["TERM", "KILL", "ABRT", "SEGV", "HUP"])
def test_a_main_process_ends_by_its_payloads_signal(user, manager, name):
    number = getattr(signal, f"SIG{name}")
    words = ["sh", "-c", f"kill -{name} $$; sleep 5"]
    assert end(start(user, manager, "", words=words))[0] == -number
    assert end(start(user, manager, "", outer=(), words=words))[0] == 128 + number


def test_exit_status_and_timeout_stay_what_they_are(user, manager):
    assert end(start(user, manager, "", words=["sh", "-c", "exit 7"]))[0] == 7
    assert end(start(user, manager, "", "--timeout", "1", words=["sleep", "30"]))[0] == 124


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGRTMIN + 3])
def test_a_watchdogs_and_a_reloads_signal_reach_the_payload(user, manager, number):
    process = start(user, manager, f"""
import signal
signal.signal({int(number)}, lambda *_: os._exit(9))
tell("READY=1")
time.sleep(20)
""")
    assert manager.next()[0] == "READY=1"
    process.send_signal(number)
    assert end(process)[0] == 9
