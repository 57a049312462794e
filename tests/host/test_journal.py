"""Each sandbox is told to the journal: start, end, and the Step that failed; --log=journal hands the command's output over.

No journal runs here: a directory of the test's own stands in for /run/systemd/journal, in a mount namespace."""

import hashlib
import re
import socket
import struct
import threading

import pytest

import harness

CATALOG = harness.SOURCE / "catalog/sbx.catalog"
MOUNT = ("mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/systemd/journal && "
         "mount --bind {place} /run/systemd/journal && exec \"$@\"")


def parse_entry(datagram):
    """The fields of one datagram of the native protocol."""
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack("<Q", datagram[:8])
            value, datagram = datagram[8:8 + size], datagram[8 + size + 1:]
        fields.setdefault(name.decode(), []).append(value.decode())
    return fields


class Journal:
    def __init__(self, caller):
        self.place = caller.make_directory("journal")
        self.entries = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.streams = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        for listener, name in ((self.entries, "socket"), (self.streams, "stdout")):
            listener.bind(str(self.place / name))
            (self.place / name).chmod(0o666)
            listener.settimeout(10)
        self.streams.listen()
        # A user mounts in a user namespace of its own.
        unshare = ["unshare", "-m"] if caller.kind == "root" else ["unshare", "-rm"]
        self.outer = [*unshare, "sh", "-c", MOUNT.format(place=self.place), "sh"]

    def entry(self):
        return {name: values[0] if len(values) == 1 else values
                for name, values in parse_entry(self.entries.recv(1 << 20)).items()}

    def stream(self):
        """What one stream was sent, its header taken off: {identifier, priority, prefix, text}."""
        connection, _ = self.streams.accept()
        connection.settimeout(10)
        text = b""
        while piece := connection.recv(65536):
            text += piece
        connection.close()
        header = text.split(b"\n", 7)
        return {"identifier": header[0].decode(), "priority": int(header[2]), "prefix": header[3],
                "text": header[7].decode()}

    def close(self):
        self.entries.close()
        self.streams.close()


@pytest.fixture
def journal(caller):
    journal = Journal(caller)
    yield journal
    journal.close()


def catalogued():
    """{MESSAGE_ID: subject} of the catalogue."""
    return dict(re.findall(r"^-- ([0-9a-f]{32})\nSubject: (.*)$", CATALOG.read_text(), re.MULTILINE))


def test_start_and_end(caller, journal):
    outcome = caller.run("--name", "told", "--report=json:fd:1", "--", "sh", "-c", "exit 3", outer=journal.outer)
    assert outcome.status == 3, outcome
    start, end = journal.entry(), journal.entry()
    for entry in (start, end):
        assert entry["SBX_ID"] and entry["SBX_NAME"] == "told" and entry["SBX_PROFILE"] == "plain", entry
        assert entry["SBX_COMMAND"] == "sh" and entry["SYSLOG_IDENTIFIER"] == "sbx", entry
    assert catalogued()[start["MESSAGE_ID"]].endswith("started") and catalogued()[end["MESSAGE_ID"]].endswith("ended")
    assert int(start["SBX_SETUP_USEC"]) > 0
    assert (end["SBX_EXIT"], end["SBX_ENDING"], end["SBX_OOM"]) == ("3", "exited", "0")
    assert int(end["SBX_MEMORY_PEAK"]) > 100_000 and int(end["SBX_CPU_USEC"]) > 0
    lines = "".join(f"{item['protection']}\t{item['asked']}\t{item['found']}\t{'enforced' if item['enforced'] else 'missing'}\n"
                    for item in outcome.json()["receipt"])
    assert end["SBX_RECEIPT"] == start["SBX_RECEIPT"] == hashlib.sha256(lines.encode()).hexdigest()


def test_arguments_stay_out(user):
    journal = Journal(user)
    user.run("--", "echo", "secret-argument", outer=journal.outer)
    assert "secret" not in str(journal.entry()) + str(journal.entry())
    journal.close()


def test_failed_step(user):
    journal = Journal(user)
    outcome = user.run("--name", "broken", "--", "true", outer=journal.outer, program=user.programs.faulty,
                       env={"SBX_FAULT": "pivot-root"})
    assert outcome.status == 125
    entry = journal.entry()
    assert entry["SBX_STEP"] == "pivot-root" and entry["SBX_EXIT"] == "125" and entry["ERRNO"] == "5", entry
    assert catalogued()[entry["MESSAGE_ID"]].endswith("did not start") and "pivot-root" in entry["MESSAGE"]
    journal.entries.settimeout(0.2)
    with pytest.raises(TimeoutError):
        journal.entry()  # neither started nor ended
    journal.close()


def test_a_journal_that_takes_nothing_holds_nobody_up(user):
    journal = Journal(user)
    # Nobody reads: the queue is full after some entries.
    for _ in range(2):
        outcome = user.execute(["sh", "-c", 'for i in 1 2 3 4 5 6 7 8 9 10; do "$@" || exit; done', "sh",
                                user.programs.sbx, "run", "-p", "plain", "--set", "systemd.scope=none", "--", "true"],
                               outer=journal.outer)
        assert outcome.status == 0 and outcome.seconds < 8 * harness.SLOWNESS, outcome
    journal.close()


def test_output_goes_to_the_journal(caller, journal):
    streams = []
    reader = threading.Thread(target=lambda: streams.extend([journal.stream(), journal.stream()]))
    reader.start()
    outcome = caller.run("--log=journal", "--name", "told", "--", "sh", "-c", "cat; echo '<3>out'; echo err >&2",
                         outer=journal.outer, input=b"in\n")
    reader.join(20)
    assert outcome.status == 0 and outcome.out == "" and outcome.err == "", outcome
    assert streams == [{"identifier": "sbx-told", "priority": 6, "prefix": b"0", "text": "in\n<3>out\n"},
                       {"identifier": "sbx-told", "priority": 4, "prefix": b"0", "text": "err\n"}]


def test_without_a_journal(caller):
    """A run goes on; --log=journal fails closed, in one line."""
    hidden = ["unshare", "-m" if caller.kind == "root" else "-rm", "sh", "-c",
              'mount -t tmpfs tmpfs /run && exec "$@"', "sh"]
    outcome = caller.run("--", "echo", "ran", outer=hidden)
    assert (outcome.status, outcome.out, outcome.err) == (0, "ran\n", ""), outcome
    outcome = caller.run("--log=journal", "--", "echo", "ran", outer=hidden)
    assert outcome.status == 125 and outcome.out == "", outcome
    assert "[open-journal]" in outcome.error() and "leave --log=journal out" in outcome.error()


def test_log_and_terminal_exclude_each_other(user):
    outcome = user.run("--log=journal", "-t", "--", "true")
    assert outcome.status == 125 and "exclude each other" in outcome.error()
    assert "--log=syslog: unknown" in user.run("--log=syslog", "--", "true").error()


def test_catalog_has_every_entry():
    source = (harness.SOURCE / "src/telemetry/entries.cpp").read_text()
    ids = re.findall(r'"([0-9a-f]{32})"', source)
    assert len(ids) == 3 and set(ids) == set(catalogued())
    known = set(re.findall(r'"(SBX_\w+)"', source))
    assert set(re.findall(r"@(\w+)@", CATALOG.read_text())) <= known
