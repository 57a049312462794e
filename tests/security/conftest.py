"""Runs the attackers: outside, as the control that shows the thing reachable, and inside a sandbox."""

import os
import socket
import textwrap

import pytest


# One layer less each: what a test shows with them is that the layers left hold by themselves.
LOOSE_PROFILES = {
    # No filter worth the name, no Landlock: namespaces, mounts and the loss of capabilities alone.
    "mounts-alone": """
        [seccomp]
        default = "allow"
        [landlock]
        mode = "off"
        """,
    # Every system call that isn't refused whatever the profile says.
    "calls-allowed": """
        [seccomp]
        default = "allow"
        """,
}


def profile_of(caller, kind):
    """The profile to run with: a shipped one, or one of the above, which else is as open as `untrusted`."""
    if kind not in LOOSE_PROFILES:
        return kind
    path = caller.directory / f"{kind}.toml"
    if not path.exists():
        base = '[filesystem]\nroot = "host"\nhome = "private"\n[environment]\npass = ["TERM", "LANG"]\n'
        caller.profile(base + textwrap.dedent(LOOSE_PROFILES[kind]), path.name)
    return path


def pytest_generate_tests(metafunc):
    if "layers" in metafunc.fixturenames:
        metafunc.parametrize("layers", ["untrusted", "mounts-alone"])


class Attack:
    """What an attacker printed: `reached` and `refused` by the name of the try, with its detail."""

    def __init__(self, outcome):
        self.outcome, self.reached, self.refused = outcome, {}, {}
        for line in outcome.out.splitlines():
            verdict, _, rest = line.partition(" ")
            name, _, detail = rest.partition(" ")
            if verdict == "reached":
                self.reached.setdefault(name, []).append(detail)
            elif verdict == "refused":
                self.refused[name] = detail

    def __repr__(self):
        return f"reached {self.reached}\nrefused {self.refused}\n{self.outcome!r}"


class Attackers:
    def __init__(self, programs):
        self.programs = programs

    def path(self, name):
        return self.programs.extra(f"tests/security/{name}")

    def words(self, name, arguments):
        return [self.path(name if name == "victim" else f"attack_{name}"), *map(str, arguments)]

    def outside(self, caller, name, *arguments, **options):
        """The positive control: the same attacker as the same caller, without sbx."""
        outcome = caller.execute(self.words(name, arguments), **options)
        assert outcome.status == 0, outcome
        return Attack(outcome)

    def inside(self, caller, name, *arguments, sbx=(), profile="untrusted", status=0, **options):
        """`sbx`: more options of `sbx run`."""
        words = self.words(name, arguments)
        outcome = caller.run("--ro", words[0], *sbx, "--", *words, profile=profile_of(caller, profile), **options)
        assert outcome.status == status, outcome
        found = Attack(outcome)
        # An attacker that could try nothing proves nothing.
        assert found.reached or found.refused, outcome
        return found

    def profile(self, caller, kind):
        return profile_of(caller, kind)

    def shell(self, caller, script, *sbx, profile="untrusted", **options):
        return caller.run(*sbx, "--", "/bin/sh", "-c", script, profile=profile_of(caller, profile), **options)

    def start(self, caller, name, *arguments, sbx=(), profile="untrusted", **options):
        """sbx itself as a process, with the attacker inside."""
        words = self.words(name, arguments)
        return caller.start([caller.programs.sbx, "run", "--profile", profile_of(caller, profile), "--set", "systemd.scope=none",
                             "--ro", words[0], *sbx, "--", *words], **options)


@pytest.fixture
def attackers(programs):
    return Attackers(programs)


@pytest.fixture
def listeners():
    """listeners(address): a listening Unix socket at a path, or for "@name" at an abstract one; dgram=True likewise."""
    open_sockets = []

    def listen(address, dgram=False, mode=0o666):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if dgram else socket.SOCK_STREAM)
        open_sockets.append(made)
        name = str(address)
        made.bind("\0" + name[1:] if name.startswith("@") else name)
        if not dgram:
            made.listen(16)
        if not name.startswith("@"):
            os.chmod(name, mode)
        return name

    yield listen
    for made in open_sockets:
        name = made.getsockname()
        made.close()
        if isinstance(name, str) and name.startswith("/"):
            try:
                os.unlink(name)
            except OSError:
                pass
