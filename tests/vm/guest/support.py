"""What the guest's tests share: users, ways to run a command as one of them, and looking at cgroups and units."""

import os
import pwd
import subprocess
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
TIMEOUT = 60


class Skip(Exception):
    """This release can't run the test; says why."""


def prepare() -> None:
    """Puts sbx where a package would, and waits for the user managers of those who linger."""
    subprocess.run("cp -a /mnt/root/. / && systemctl daemon-reload", shell=True, check=True, timeout=TIMEOUT)
    for user in ("tester", "cut"):
        wait_for(lambda: Path(f"/run/user/{uid(user)}/bus").is_socket(), 60, f"the bus of {user}")


def uid(user: str) -> int:
    return pwd.getpwnam(user).pw_uid


def wait_for(condition, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)


def run(command, timeout: float = TIMEOUT, **options) -> subprocess.CompletedProcess:
    """Runs a command as root, with its output as text."""
    return subprocess.run(command, shell=isinstance(command, str), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, cwd=options.pop("cwd", "/"), **options)


def as_user(user: str, command: str, timeout: float = TIMEOUT, environment: str = "") -> subprocess.CompletedProcess:
    """As a service of root's would run it: the user's ids and runtime directory, outside of the user's own units."""
    runtime = f"/run/user/{uid(user)}"
    return run(["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", "-i", f"HOME=/home/{user}",
                f"USER={user}", "PATH=/usr/local/bin:/usr/bin:/bin", f"XDG_RUNTIME_DIR={runtime}", "sh", "-c",
                f"cd; {environment} {command}"], timeout)


def in_user_unit(user: str, command: str, timeout: float = TIMEOUT, properties: str = "") -> subprocess.CompletedProcess:
    """As a service of the user's own manager."""
    return as_user(user, f"systemd-run --user --quiet --pipe --wait --collect {properties} sh -c '{command}'", timeout)


def in_login_session(user: str, command: str, timeout: float = TIMEOUT) -> subprocess.CompletedProcess:
    """In a session that pam_systemd opened, in session-N.scope; brings a manager up for a user who has none."""
    return run(["systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--property=User={user}",
                "--property=PAMName=login", f"--working-directory=/home/{user}", "sh", "-c", command], timeout)


def scopes(user: str | None = None) -> list[str]:
    """The names of sbx's scopes that a manager knows, in whatever state."""
    command = "list-units --all --plain --no-legend 'sbx-*.scope'"
    listing = as_user(user, f"systemctl --user {command}") if user else run(f"systemctl {command}")
    return [line.split()[0] for line in listing.stdout.splitlines()]


def no_scopes(user: str | None = None) -> None:
    """The manager forgets a scope a moment after its last process."""
    try:
        wait_for(lambda: not scopes(user), 15, "scopes to go")
    except AssertionError as error:
        command = "systemctl " + ("--user " if user else "") + "status 'sbx-*.scope'"
        raise AssertionError(f"{error}\n{(as_user(user, command) if user else run(command)).stdout}") from None
    finally:  # one test's leftovers are not the next one's
        for name in scopes(user):
            as_user(user, f"systemctl --user stop {name}") if user else run(f"systemctl stop {name}")


def ok(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, f"status {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}"
    return done.stdout


def value(text: str) -> dict[str, str]:
    """NAME=VALUE lines, as systemctl show and the tests' own payloads print them."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
