"""Runs the built sbx as each caller that it has to serve: bounded in time, in a clean environment, from a directory
that every caller can reach."""

import ctypes
import fcntl
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("SBX_BUILD_DIR", SOURCE / "build")).resolve()
TEST_USER = os.environ.get("SBX_TEST_USER", "sbx-tester")
# A sanitized sbx is several times as slow; waits grow by this.
SLOWNESS = float(os.environ.get("SBX_TEST_SLOWNESS", "1"))
SANITIZED = "SBX_TEST_SANITIZED" in os.environ
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

# What a kernel older than 5.2 to 5.12 lacks, given to deny_calls; without Landlock (5.13), whose loss is said at every run.
NEW_CALLS = ("open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,mount_setattr,clone3,close_range,pidfd_open,"
             "faccessat2")
LANDLOCK_CALLS = "landlock_create_ruleset,landlock_add_rule,landlock_restrict_self"


def error_line(text):
    """The one line that sbx itself wrote, without "sbx: "; fails where there is none or more."""
    lines = [line for line in text.splitlines() if line.startswith("sbx: ")]
    assert len(lines) == 1, f"expected one line of sbx, got {text!r}"
    return lines[0][len("sbx: "):]


class Outcome:
    def __init__(self, status, out, err, seconds):
        self.status, self.stdout, self.stderr, self.seconds = status, out, err, seconds

    @property
    def out(self):
        return self.stdout.decode(errors="replace")

    @property
    def err(self):
        return self.stderr.decode(errors="replace")

    def error(self):
        return error_line(self.err)

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status} after {self.seconds:.2f} s\n-- out: {self.out[-3000:]}\n-- err: {self.err[-3000:]}"


class Programs:
    """Copies of the programs under test at a place that every user can execute from."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sbx-tests-"))
        self.directory.chmod(0o755)
        self.sbx = self._copy("src/sbx")
        self.faulty = self._copy("src/sbx-faulty")
        self._copy("src/sbx-net")
        self.probe = self._copy("tests/host/probe")
        self.deny_calls = self._copy("tests/host/deny_calls")
        self.profiles = self.directory / "profiles"
        self.profiles.mkdir()
        # Most tests are about no limit: without the shipped profiles' limits nothing is lost, and nothing said, here.
        (self.profiles / "plain.toml").write_text('extends = ["base"]\n[rlimits]\ncore = 0\n')
        for profile in (SOURCE / "profiles").glob("*.toml"):
            shutil.copy(profile, self.profiles)
            (self.profiles / profile.name).chmod(0o644)
        self.profiles.chmod(0o755)

    def _copy(self, name):
        target = self.directory / pathlib.Path(name).name
        shutil.copy(BUILD / name, target)
        target.chmod(0o755)
        return target

    def extra(self, name):
        """Another program of the build directory, copied likewise."""
        target = self.directory / pathlib.Path(name).name
        return target if target.exists() else self._copy(name)

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def unprivileged_ids():
    """Uid and gid of the user that tests run as: the caller, or where that is root a user of its own."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        entry = pwd.getpwnam(TEST_USER)
    except KeyError:
        # Two workers may come here at once: the second finds the name taken.
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", TEST_USER], timeout=30,
                       stderr=subprocess.DEVNULL)
        entry = pwd.getpwnam(TEST_USER)
    return entry.pw_uid, entry.pw_gid


KINDS = ("user", "root", "unshare")


class Caller:
    """One of: `user`, a plain user; `root`; `unshare`, root of a user namespace made with unshare -r by that user."""

    def __init__(self, kind, programs, base):
        self.kind, self.programs = kind, programs
        self.uid, self.gid = (0, 0) if kind == "root" else unprivileged_ids()
        self.directory = pathlib.Path(base)
        self.directory.mkdir()
        self.own(self.directory)
        self.home = self.make_directory("home", 0o700)
        self.work = self.make_directory("work", 0o755)
        # A registry of its own: what other tests run is none of this one's.
        self.registry = self.make_directory("registry", 0o700)
        self.deny = os.environ.get("SBX_TEST_DENY", "")
        self.running = []

    # Files of the caller's, made by the test.
    def own(self, path):
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        return path

    def make_directory(self, name, mode=0o755):
        path = self.directory
        for part in pathlib.Path(name).parts:
            path /= part
            if not path.exists():
                path.mkdir()
                self.own(path)
        path.chmod(mode)
        return path

    def write(self, name, content="", mode=0o644):
        path = name if isinstance(name, pathlib.Path) else self.work / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        path.chmod(mode)
        return self.own(path)

    def profile(self, text, name="test.toml"):
        return self.write(self.directory / name, text)

    # Running.
    @property
    def environment(self):
        sanitizers = {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
        return {"PATH": PATH, "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "xterm",
                "SBX_PROFILE_PATH": str(self.programs.profiles), "SBX_RUNTIME_DIR": str(self.registry), **sanitizers}

    def prefix(self):
        words = []
        if os.geteuid() == 0 and self.kind != "root":
            words += ["setpriv", "--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups", "--"]
        if self.kind == "unshare":
            words += ["unshare", "-r", "--"]
        return words

    def command(self, words, deny=None, outer=()):
        """`outer`: words that run between the change of user and sbx (unshare, prlimit, sh -c '...; exec "$@"' sh)."""
        words = list(outer) + [str(word) for word in words]
        deny = self.deny if deny is None else deny
        if deny:
            kind, _, names = deny.rpartition(":")
            words = [str(self.programs.deny_calls), kind or "ENOSYS", names] + words
        return self.prefix() + words

    def start(self, words, *, env=None, cwd=None, deny=None, outer=(), **options):
        """The process of `words`; killed at the end of the test. Its pid is sbx's own where words begin with it."""
        environment = self.environment
        for name, value in (env or {}).items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.command(words, deny, outer), env=environment, cwd=cwd or self.work, **options)
        self.running.append(process)
        return process

    def execute(self, words, *, input=None, timeout=30, **options):
        begin = time.monotonic()
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **options)
        try:
            out, err = process.communicate(input, timeout=timeout * SLOWNESS)
        except subprocess.TimeoutExpired:
            stop(process)
            out, err = process.communicate(timeout=10)
            raise AssertionError(f"still running after {timeout * SLOWNESS:.0f} s: {words}\n-- out: {out[-2000:]!r}\n"
                                 f"-- err: {err[-2000:]!r}") from None
        # As a shell gives it: 128 and the signal's number.
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return Outcome(status, out, err, time.monotonic() - begin)

    def sbx(self, *arguments, program=None, **options):
        return self.execute([program or self.programs.sbx, *arguments], **options)

    def run(self, *arguments, profile="plain", scope=False, **options):
        """sbx run with a profile. Without a service manager every run would say so: `scope` keeps that."""
        words = ["run"] + (["--profile", profile] if profile else [])
        if not scope:
            words += ["--set", "systemd.scope=none"]
        return self.sbx(*words, *arguments, **options)

    def probe(self, *arguments, ask=(), outer=(), **options):
        """What the probe says from inside. `ask`: its own arguments, ("-w", "/etc")."""
        outcome = self.run("--ro", self.programs.probe, *arguments, "--", self.programs.probe, *ask, outer=outer, **options)
        assert outcome.status == 0, outcome
        return outcome.json()

    def probe_outside(self, ask=(), **options):
        """The same without sbx: the positive control."""
        outcome = self.execute([self.programs.probe, *ask], **options)
        assert outcome.status == 0, outcome
        return outcome.json()

    def shell(self, script, *arguments, **options):
        """A shell inside, which shows what it finds."""
        return self.run(*arguments, "--", "/bin/sh", "-c", script, **options)

    def finish(self):
        for process in self.running:
            stop(process)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


def stop(process):
    if process.poll() is None:
        process.kill()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        pass


class Terminal:
    """A command on a pseudo-terminal that is its controlling one, as a shell would start it."""

    def __init__(self, caller, words, rows=24, columns=80, **options):
        self.master, slave = os.openpty()
        self.resize(rows, columns)
        self.slave = slave  # held: its settings are looked at after the end

        def control():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.before = termios.tcgetattr(slave)
        self.process = caller.start(words, stdin=slave, stdout=slave, stderr=slave, preexec_fn=control, **options)
        self.output = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.output += os.read(self.master, 65536)
            except OSError:
                return

    def expect(self, pattern, timeout=15):
        """Reads until `pattern` (a regular expression) has come; what was matched, and what stood before, is used up."""
        end = time.monotonic() + timeout * SLOWNESS
        while True:
            match = re.search(pattern.encode(), self.output)
            if match:
                self.output = self.output[match.end():]
                return match
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} never came: {self.output[-2000:]!r}"
            self.read(min(left, 0.5))

    def wait(self, timeout=15):
        end = time.monotonic() + timeout * SLOWNESS
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running: {self.output[-2000:]!r}"
            self.read(0.05)
        self.read(0)
        return self.process.returncode if self.process.returncode >= 0 else 128 - self.process.returncode

    def settings(self):
        return termios.tcgetattr(self.slave)

    def close(self):
        stop(self.process)
        os.close(self.master)
        os.close(self.slave)


def wait_for(condition, timeout=10, what="the condition"):
    """Polls until `condition()` is true and returns its value."""
    end = time.monotonic() + timeout * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} never came true"
        time.sleep(0.01)


def mounts():
    return set(pathlib.Path("/proc/self/mountinfo").read_text(errors="replace").splitlines())


def parse_mountinfo(text):
    """mountinfo lines as dictionaries by mount point; the topmost mount of a point wins."""
    found = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, (kind, source, superblock) = left.split(" "), (right.split(" ") + ["", ""])[:3]
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        found[point] = {"options": fields[5].split(","), "optional": fields[6:], "type": kind, "source": source,
                        "superblock": superblock.split(","), "root": fields[3], "id": fields[0], "parent": fields[1]}
    return found


def descendants(pid):
    """All processes below `pid`, as {pid: command}, zombies left out."""
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text(errors="replace")
        except OSError:
            continue
        name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        if rest[0] not in "ZX":
            parents[int(entry)], names[int(entry)] = int(rest[1]), name
    below, grew = {pid}, True
    while grew:
        more = {child for child, parent in parents.items() if parent in below} - below
        below |= more
        grew = bool(more)
    return {child: names[child] for child in below - {pid}}


PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """Orphans of the tests become children of this process, so that none escapes being seen."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(known):
    """Takes away the zombies that are nobody's: orphans that ended here."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) in known:
            continue
        try:
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text(errors="replace")
            rest = stat[stat.rindex(")") + 2:].split()
            if rest[0] == "Z" and int(rest[1]) == os.getpid():
                os.waitpid(int(entry), os.WNOHANG)
        except (OSError, ChildProcessError):
            continue


def traces():
    """Names that sbx could leave in the places where it may make something."""
    found = set()
    for place in ("/tmp", "/var/tmp", "/run", "/dev/shm", f"/run/user/{os.geteuid()}", "/sys/fs/cgroup",
                  "/sys/fs/cgroup/unified"):
        try:
            # The test programs' own directories are sbx-tests-*, made by each worker. /run/sbx and /run/user/UID/sbx are
            # the registry and hold compiled filters, which are to stay.
            found |= {f"{place}/{name}" for name in os.listdir(place)
                      if "sbx" in name and not name.startswith(("sbx-tests-", "sbx-test-"))
                      and not (place.startswith("/run") and name == "sbx")}
        except OSError:
            pass
    return found


def leftovers(before_mounts, before_traces, known=(), patience=3):
    """What of a sandbox still exists: processes below this one, mounts, files. Waits a little for processes to end."""
    end = time.monotonic() + patience
    while True:
        reap_orphans(known)
        left = {pid: name for pid, name in descendants(os.getpid()).items() if pid not in known}
        found = [f"processes {left}"] if left else []
        found += [f"mount {line}" for line in sorted(mounts() - before_mounts)]
        found += [f"file {path}" for path in sorted(traces() - before_traces)]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.01)


def kill_descendants(known=()):
    for pid in descendants(os.getpid()):
        if pid not in known:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass


def step_names():
    """Every Step's name, from the one table that the program has too."""
    text = (SOURCE / "src/base/step.h").read_text()
    return re.findall(r'^  X\(\w+, "([a-z-]+)", "', text, re.MULTILINE)
